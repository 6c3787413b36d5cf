using System.Diagnostics;
using Coordinator.Runs.Processes;

namespace Coordinator.Bench;

/// <summary>The samples as jobs: what has to be compiled is, from the packages beside the command and from nothing else of ours.</summary>
/// <param name="samples">Folder of the samples.</param>
/// <param name="python">Interpreter with PyTorch.</param>
/// <param name="folder">Folder of its own.</param>
internal sealed class SamplePrograms(string samples, string python, string folder)
{
    /// <summary>All of them.</summary>
    public static readonly string[] All = ["cnn", "transformer", "linear", "mlp", "mlp-ilgpu"];

    /// <summary>A slow device for kernels computes on processors here, so its job is as small as a job can be.</summary>
    private static readonly string[] Kernels = ["--device", "ilgpu:cpu", "--settings.hidden=2"];

    /// <summary>Arguments of <c>train</c> that train it.</summary>
    public async Task<string[]> JobAsync(string name, CancellationToken cancel)
    {
        switch (name)
        {
            case "linear":
                return ["--program", await CompileAsync(cancel)];
            case "mlp":
                return ["--program", await MlpAsync(cancel), "--data", Path.Combine(folder, "mlp", "table.csv")];
            case "mlp-ilgpu":
                await MlpAsync(cancel);
                return ["--program", await KernelAsync(cancel), "--data", Path.Combine(folder, "mlp", "table.csv"), .. Kernels];
            default:
                return ["--program", Path.Combine(samples, "pytorch", $"{name}.py"), "--python", python];
        }
    }

    private async Task<string> CompileAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.Combine(folder, "c"));
        var program = Path.Combine(folder, "c", "linear");
        string[] arguments = ["-O2", "-ffp-contract=off", "-o", program, Path.Combine(samples, "linear-c", "linear.c"), "-lm"];
        await RunAsync(new ProcessStartInfo("gcc", arguments), cancel);
        return program;
    }

    /// <summary>What <c>new program --lang csharp</c> makes, which is samples/dotnet-mlp.</summary>
    private async Task<string> MlpAsync(CancellationToken cancel)
    {
        var (project, output) = (Path.Combine(folder, "mlp"), Path.Combine(folder, "mlp-built"));
        if (!Directory.Exists(project))
        {
            await RunAsync(OwnExecutable.Command(["new", "program", project, "--lang", "csharp"]), cancel);
            await BuildAsync(project, output, cancel);
        }

        return Path.Combine(output, "Mlp.dll");
    }

    private async Task<string> KernelAsync(CancellationToken cancel)
    {
        var project = Directory.CreateDirectory(Path.Combine(folder, "samples", "dotnet-mlp-ilgpu")).FullName;
        var version = "Directory.Build.props";
        File.Copy(Path.Combine(samples, version), Path.Combine(folder, "samples", version), overwrite: true);
        foreach (var name in new[] { "MlpIlgpu.cs", "MlpIlgpu.csproj" })
            File.Copy(Path.Combine(samples, "dotnet-mlp-ilgpu", name), Path.Combine(project, name), overwrite: true);
        await BuildAsync(project, Path.Combine(folder, "kernel-built"), cancel);
        return Path.Combine(folder, "kernel-built", "MlpIlgpu.dll");
    }

    private static Task BuildAsync(string project, string output, CancellationToken cancel) => RunAsync(
        new ProcessStartInfo(
            OwnExecutable.DotnetHost(),
            [
                "build", project, "-o", output, "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false",
                $"-p:RestoreAdditionalProjectSources={Path.Combine(AppContext.BaseDirectory, "sdk", "dotnet")}",
            ]),
        cancel);

    private static async Task RunAsync(ProcessStartInfo start, CancellationToken cancel)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(cancel), process.StandardError.ReadToEndAsync(cancel));
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0)
        {
            throw new RecoveryFailedException(
                $"{start.FileName} {string.Join(' ', start.ArgumentList)} failed:\n{await output}{await errors}");
        }
    }
}
