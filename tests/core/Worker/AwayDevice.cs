using Coordinator.Worker.Devices;

namespace Coordinator.Tests.Worker;

/// <summary>What is wrong with an <see cref="AwayDevice"/>, to see that tests notice.</summary>
public enum AwayFlaw
{
    None,
    DropsUploads,
    SkipsDownloads,
    AddsToHostView,
}

/// <summary>
/// A device with memory of its own: gradients reach the host only by downloads, and the reduced gradient the device only by uploads, both
/// on another thread, and later than they were asked for. What is stale in the host view is not a number.
/// </summary>
internal sealed class AwayDevice(IRankDevice inner) : IRankDevice
{
    public AwayFlaw Flaw { get; init; }

    public long ParameterCount => inner.ParameterCount;

    public void Initialize() => inner.Initialize();

    public DeviceGradient CreateGradient() => new Away((HostGradient)inner.CreateGradient(), Flaw);

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        var away = (Away)gradient;
        away.Settle();
        away.Overwritten();
        return inner.ComputeShard(step, shard, away.OnDevice, cancel);
    }

    public void Add(DeviceGradient sum, DeviceGradient addend)
    {
        var (left, right) = ((Away)sum, (Away)addend);
        left.Settle();
        right.Settle();
        if (Flaw != AwayFlaw.AddsToHostView)
            inner.Add(left.OnDevice, right.OnDevice);
        left.Overwritten();
    }

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        var away = (Away)reduced;
        away.Settle();
        return inner.ApplyStep(step, away.OnDevice, sumOfSquares, targets);
    }

    public void ReadState(long offset, Span<float> destination) => inner.ReadState(offset, destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => inner.WriteState(offset, source);

    public void Dispose() => inner.Dispose();

    private sealed class Away : DeviceGradient
    {
        private readonly AwayFlaw flaw;
        private readonly byte[] view;
        private Task copies = Task.CompletedTask;
        private bool downloaded;

        public Away(HostGradient onDevice, AwayFlaw flaw)
            : base(onDevice.Length)
        {
            (OnDevice, this.flaw) = (onDevice, flaw);
            view = new byte[onDevice.Length * sizeof(float)];
            onDevice.Floats.Fill(float.NaN);
            Overwritten();
        }

        public HostGradient OnDevice { get; }

        /// <summary>Waits for the copies under way.</summary>
        public void Settle() => copies.Wait();

        /// <summary>The device has written: the view is stale.</summary>
        public void Overwritten()
        {
            downloaded = false;
            HostFrom(0).Fill(float.NaN);
        }

        public override void BeginDownload()
        {
            if (downloaded || flaw == AwayFlaw.SkipsDownloads)
                return;
            downloaded = true;
            Then(() => OnDevice.Floats.CopyTo(HostFrom(0)));
        }

        public override void AwaitDownload(long end)
        {
            BeginDownload();
            Settle();
        }

        public override ArraySegment<byte> Host(long start, int count) => new(view, (int)start * sizeof(float), count * sizeof(float));

        public override void BeginUpload(long start, long count)
        {
            if (flaw != AwayFlaw.DropsUploads)
                Then(() => HostFrom(start)[..(int)count].CopyTo(OnDevice.Floats[(int)start..]));
        }

        private void Then(Action copy) => copies = copies.ContinueWith(_ => copy(), TaskScheduler.Default);
    }
}
