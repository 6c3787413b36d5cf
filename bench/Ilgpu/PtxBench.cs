using System.Diagnostics;
using Coordinator.Worker.Ilgpu.Ptx;

namespace Coordinator.Bench.Ilgpu;

/// <summary>
/// Compiles the main kernels to PTX and reports what is in it; exit code 1 where something is that must not be. Options:
/// <c>--arch 80,90</c> (compute capabilities), <c>--out DIR</c> (leaves the texts there), <c>--ptxas PATH</c> (assembles them too, and
/// prints registers and spills).
/// </summary>
internal static class PtxBench
{
    public static int Run(string[] args)
    {
        bool sound = true;
        foreach (int architecture in (Options.Value(args, "--arch") ?? "80,90").Split(',').Select(int.Parse))
        {
            Console.WriteLine($"sm_{architecture}: {"instructions",-14}{"fma",8}{"shared v4",11}{"global v4",11}{"shared bytes",14}");
            foreach (PtxKernel kernel in PtxKernel.Compile(PtxKernel.Main, architecture / 10, architecture % 10))
            {
                PtxInspection found = PtxInspection.Of(kernel);
                Console.WriteLine($"  {found.Kernel,-42}{found.Instructions,8}{found.FusedMultiplyAdds,8}{found.SharedVectorLoads,11}{found.GlobalVectorLoads,11}{found.SharedBytes,14}");
                foreach (string fault in found.Faults) Console.WriteLine($"    FAULT {fault}");
                sound &= found.Faults.Count == 0;
                string? folder = Options.Value(args, "--out") ?? (Options.Value(args, "--ptxas") is null ? null : Path.Combine(Path.GetTempPath(), "coordinator-ptx"));
                if (folder is null) continue;
                Directory.CreateDirectory(folder);
                string file = Path.Combine(folder, $"sm_{architecture} {kernel.Name}.ptx");
                File.WriteAllText(file, kernel.Text);
                if (Options.Value(args, "--ptxas") is { } assembler) sound &= Assemble(assembler, architecture, file);
            }
        }

        return sound ? 0 : 1;
    }

    private static bool Assemble(string assembler, int architecture, string file)
    {
        ProcessStartInfo start = new(assembler) { RedirectStandardError = true };
        foreach (string argument in new[] { "-v", $"-arch=sm_{architecture}", "-o", file + ".cubin", file }) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        foreach (string line in process.StandardError.ReadToEnd().Split('\n'))
        {
            if (line.Contains("registers", StringComparison.Ordinal) || line.Contains("spill", StringComparison.Ordinal)) Console.WriteLine($"    {line.Trim()}");
        }

        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
