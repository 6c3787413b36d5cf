using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Ilgpu.Ptx;

namespace Coordinator.Bench.Ilgpu;

/// <summary>
/// Compiles the main kernels to PTX and reports what is in it; exit code 1 where something is that must not be. With <c>--out</c> the
/// texts are left in a folder; with <c>--ptxas</c> they are assembled too, and registers and spills printed.
/// </summary>
internal static class PtxBench
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("ptx", "the kernels' PTX, made without a GPU: local memory, products open to fusion, vector loads");
        var architectures = command.AddNumbers("--arch", "Compute capabilities without dots, with commas between them.", [80, 90], 50, 129);
        var output = command.AddText("--out", "Folder for the texts (default: they are not kept).");
        var ptxas = command.AddText("--ptxas", "The assembler: with it, registers and spills are printed too.");
        return command.Runs(parsed =>
        {
            var assembler = parsed.GetValue(ptxas);
            var folder = parsed.GetValue(output) ?? (assembler is null ? null : Path.Combine(Path.GetTempPath(), "coordinator-ptx"));
            if (folder is not null)
                Directory.CreateDirectory(folder);
            return _ => Task.FromResult(parsed.GetValue(architectures)!.Aggregate(
                true, (sound, architecture) => Inspect(architecture, folder, assembler) && sound));
        });
    }

    private static bool Inspect(int architecture, string? folder, string? assembler)
    {
        var sound = true;
        Console.WriteLine(
            $"sm_{architecture,-41} "
                + $"{"instr.",7}{"fma",6}{"mul.rn",8}{"open",6}{"local",7}{"shared v4",11}{"global v4",11}{"shared bytes",14}");
        foreach (var kernel in PtxKernel.Compile(PtxKernel.Main, architecture / 10, architecture % 10))
        {
            var found = PtxInspection.Of(kernel);
            Console.WriteLine(
                $"  {found.Kernel,-42} "
                    + $"{found.Instructions,7}{found.FusedMultiplyAdds,6}{found.SeparateProducts,8}{found.OpenProducts,6}{found.LocalAccesses,7}"
                + $"{found.SharedVectorLoads,11}{found.GlobalVectorLoads,11}{found.SharedBytes,14}");
            foreach (var fault in found.Faults) Console.WriteLine($"    FAULT {fault}");
            sound &= found.Faults.Count == 0;
            if (folder is null) continue;
            var file = Path.Combine(folder, $"sm_{architecture} {kernel.Name}.ptx");
            File.WriteAllText(file, kernel.Text);
            if (assembler is not null) sound &= Assemble(assembler, architecture, file);
        }

        return sound;
    }

    private static bool Assemble(string assembler, int architecture, string file)
    {
        ProcessStartInfo start = new(assembler) { RedirectStandardError = true };
        foreach (var argument in new[] { "-v", $"-arch=sm_{architecture}", "-o", file + ".cubin", file })
            start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            var said = process.StandardError.ReadToEnd().Split('\n');
            process.WaitForExit();
            foreach (var line in said)
            {
                var told = line.Contains("registers", StringComparison.Ordinal) || line.Contains("spill", StringComparison.Ordinal);
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
