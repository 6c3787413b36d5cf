using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Ilgpu.Ptx;

namespace Coordinator.Bench.Ilgpu;

/// <summary>
/// Compiles the main kernels to PTX and reports what is in it; exit code 1 where something is that must not be. With <c>--out</c> the
/// texts are left in a folder; with <c>--ptxas</c> they are assembled too, and registers and spills printed.
/// </summary>
internal static class PtxBench
{
    private const string Usage = "ptx [--arch 80,90] [--out DIR] [--ptxas PATH]";

    public static int Run(string[] args) => BenchEntry.Run(Usage, () =>
    {
        BenchOptions options = new(args, "--arch", "--out", "--ptxas");
        int[] architectures = [.. (options.Text("--arch") ?? "80,90").Split(',').Select(Architecture)];
        string? assembler = options.Text("--ptxas");
        string? folder = options.Text("--out") ?? (assembler is null ? null : Path.Combine(Path.GetTempPath(), "coordinator-ptx"));
        if (folder is not null) Directory.CreateDirectory(folder);
        return _ => Task.FromResult(architectures.Aggregate(true, (sound, architecture) => Inspect(architecture, folder, assembler) && sound));
    });

    private static int Architecture(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 50 and <= 129
            ? number
            : throw new FormatException($"--arch has compute capabilities without dots, from 50 to 129, such as 80,90; '{text}' is none");

    private static bool Inspect(int architecture, string? folder, string? assembler)
    {
        bool sound = true;
        Console.WriteLine(
            $"sm_{architecture,-41} {"instr.",7}{"fma",6}{"mul.rn",8}{"open",6}{"local",7}{"shared v4",11}{"global v4",11}{"shared bytes",14}");
        foreach (PtxKernel kernel in PtxKernel.Compile(PtxKernel.Main, architecture / 10, architecture % 10))
        {
            PtxInspection found = PtxInspection.Of(kernel);
            Console.WriteLine(
                $"  {found.Kernel,-42} {found.Instructions,7}{found.FusedMultiplyAdds,6}{found.SeparateProducts,8}{found.OpenProducts,6}{found.LocalAccesses,7}"
                + $"{found.SharedVectorLoads,11}{found.GlobalVectorLoads,11}{found.SharedBytes,14}");
            foreach (string fault in found.Faults) Console.WriteLine($"    FAULT {fault}");
            sound &= found.Faults.Count == 0;
            if (folder is null) continue;
            string file = Path.Combine(folder, $"sm_{architecture} {kernel.Name}.ptx");
            File.WriteAllText(file, kernel.Text);
            if (assembler is not null) sound &= Assemble(assembler, architecture, file);
        }

        return sound;
    }

    private static bool Assemble(string assembler, int architecture, string file)
    {
        ProcessStartInfo start = new(assembler) { RedirectStandardError = true };
        foreach (string argument in new[] { "-v", $"-arch=sm_{architecture}", "-o", file + ".cubin", file }) start.ArgumentList.Add(argument);
        try
        {
            using Process process = Process.Start(start)!;
            string[] said = process.StandardError.ReadToEnd().Split('\n');
            process.WaitForExit();
            foreach (string line in said)
            {
                bool told = line.Contains("registers", StringComparison.Ordinal) || line.Contains("spill", StringComparison.Ordinal);
                if (told || process.ExitCode != 0) Console.WriteLine($"    {line.Trim()}");
            }

            return process.ExitCode == 0;
        }
        catch (Win32Exception absent)
        {
            throw new CommandException(ExitCodes.Usage, $"--ptxas {assembler} cannot be started: {absent.Message}", null);
        }
    }
}
