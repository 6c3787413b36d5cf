namespace Coordinator.Bench;

/// <summary>What a schedule trains: small enough for seconds, and large where the moment to be hit has to last.</summary>
/// <param name="Name">Names the undisturbed run, which is trained once for all schedules.</param>
/// <param name="DataBytes">Bytes of text.</param>
/// <param name="Arguments">Arguments of <c>train</c>.</param>
internal sealed record LifecycleJob(string Name, int DataBytes, params string[] Arguments)
{
    private static readonly string[] Tiny =
    [
        "--model.layers=1", "--model.heads=2", "--model.channels=16", "--model.block=16", "--training.batch_size=4", "--seed", "7",
    ];

    /// <summary>Some thousand quick steps.</summary>
    public static LifecycleJob Small { get; } = new("small", 200_000, ["--steps", "1500", "--checkpoint.interval=200", .. Tiny]);

    /// <summary>The same without a checkpoint of its own accord: what is saved is saved at a signal.</summary>
    public static LifecycleJob Unsaved { get; } = new("small", 200_000, ["--steps", "1500", "--checkpoint.interval=1h", .. Tiny]);

    /// <summary>Steps for as long as a killed child is started again and again, with growing pauses.</summary>
    public static LifecycleJob Lasting { get; } = new(
        "lasting", 200_000, ["--steps", "4000", "--checkpoint.interval=1h", .. Tiny[..4], "--training.batch_size=64", "--seed", "7"]);

    /// <summary>Data whose upload takes a while.</summary>
    public static LifecycleJob MuchData { get; } = new("much-data", 96_000_000, ["--steps", "300", .. Tiny]);

    /// <summary>A model whose parts, upload and download take a while, and few steps.</summary>
    public static LifecycleJob LargeModel { get; } = new(
        "large-model",
        200_000,
        "--steps",
        "24",
        "--checkpoint.interval=6",
        "--model.layers=6",
        "--model.heads=6",
        "--model.channels=384",
        "--model.block=16",
        "--training.batch_size=4",
        "--seed",
        "7");
}
