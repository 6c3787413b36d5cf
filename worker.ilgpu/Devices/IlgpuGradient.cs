using Coordinator.Worker.Devices;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Devices;

/// <summary>
/// A gradient in the device's memory, with a host view in page-locked memory that is made when it is first needed. Copies are queued on
/// the device's copying stream in chunks, each followed by a marker, so that a reader waits for what it needs and no further.
/// </summary>
internal sealed class IlgpuGradient : DeviceGradient
{
    private const int ChunkBytes = 16 << 20;

    private readonly IlgpuRankDevice device;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private readonly List<ProfilingMarker> markers = [];
    private PageLockedArray1D<byte>? host;
    private bool downloadBegun;
    private int downloaded;

    public IlgpuGradient(IlgpuRankDevice device, MemoryBuffer1D<float, Stride1D.Dense> buffer)
        : base(buffer.Length)
    {
        (this.device, this.buffer) = (device, buffer);
    }

    /// <summary>All elements, on the device.</summary>
    public ArrayView<float> View => buffer.View.AsContiguous();

    /// <summary>The device whose gradient it is.</summary>
    public IlgpuRankDevice Owner => device;

    /// <summary>Whether a queue other than the computing one may still read or write the numbers.</summary>
    public bool InUseByQueues { get; set; }

    /// <summary>The numbers change: what the host view holds is of the past.</summary>
    public void Changed()
    {
        downloadBegun = false;
        downloaded = 0;
    }

    public override void BeginDownload() => device.Guard(() =>
    {
        if (downloadBegun) return;
        ArrayView<byte> host = HostArray().ArrayView, numbers = View.Cast<byte>();
        device.AwaitSums();
        Release(markers.Count);
        for (long done = 0; done < numbers.Length; done += ChunkBytes)
        {
            var length = Math.Min(ChunkBytes, numbers.Length - done);
            numbers.SubView(done, length).CopyTo(device.Copies, host.SubView(done, length));
            markers.Add(device.Copies.AddProfilingMarker());
        }

        InUseByQueues = true;
        downloadBegun = true;
    });

    public override void AwaitDownload(long end)
    {
        BeginDownload();
        device.Guard(() =>
        {
            // Chunks end in order, so the marker of the last one needed will do.
            var needed = (int)(((end * sizeof(float)) + ChunkBytes - 1) / ChunkBytes);
            if (needed <= downloaded) return;
            markers[needed - 1].Synchronize();
            downloaded = needed;
        });
    }

    public override ArraySegment<byte> Host(long start, int count) =>
        device.Guard(() => new ArraySegment<byte>(HostArray().GetArray(), checked((int)start * sizeof(float)), count * sizeof(float)));

    public override void BeginUpload(long start, long count) => device.Guard(() =>
    {
        long first = start * sizeof(float), length = count * sizeof(float);
        View.Cast<byte>().SubView(first, length).CopyFrom(device.Copies, HostArray().ArrayView.SubView(first, length));
        InUseByQueues = true;
    });

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            device.EndQuietly(() =>
            {
                if (InUseByQueues) device.AwaitQueues();
                Release(markers.Count);
                host?.Dispose();
                buffer.Dispose();
            });
        }

        base.Dispose(disposing);
    }

    private void Release(int count)
    {
        foreach (var marker in markers.Take(count)) marker.Dispose();
        markers.RemoveRange(0, count);
    }

    private PageLockedArray1D<byte> HostArray() =>
        host ??= device.Accelerator.AllocatePageLocked1D<byte>(Length * sizeof(float), uninitialized: true);
}
