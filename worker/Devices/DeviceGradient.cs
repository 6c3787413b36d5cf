using System.Runtime.InteropServices;

namespace Coordinator.Worker.Devices;

/// <summary>
/// A gradient, [n] float32 in the order of the parameter layout, where its device keeps it, with the loss and targets that it covers;
/// and its view in host memory, flat and without gaps, from which the collective cuts its blocks.
/// <para>
/// Where the device computes in host memory the view is the gradient itself, and every member that moves numbers does nothing. A
/// device with memory of its own keeps the view in page-locked memory, made when it is first needed, and fills it by a queue of its
/// own, beside what it computes.
/// </para>
/// All members belong to the rank's loop, and may be called while the device computes into <em>another</em> gradient. What fails with
/// the device throws <see cref="DeviceLostException"/>, here or in the next call.
/// </summary>
public abstract class DeviceGradient(long length) : IDisposable
{
    /// <summary>n, the number of elements.</summary>
    public long Length => length;

    /// <summary>Sum of the losses over <see cref="Targets"/>.</summary>
    public double Loss { get; set; }

    /// <summary>Targets that the loss covers.</summary>
    public long Targets { get; set; }

    /// <summary>
    /// Begins to bring all elements to the host view, from the lowest on, and returns at once. Nothing happens where that was begun
    /// already since the gradient was last written by <see cref="IRankDevice.ComputeShard"/> or as the sum of
    /// <see cref="IRankDevice.Add"/>.
    /// </summary>
    public abstract void BeginDownload();

    /// <summary>Waits until elements 0 to <paramref name="end"/> - 1 are in the host view; begins the download where nobody has.</summary>
    public abstract void AwaitDownload(long end);

    /// <summary>
    /// Bytes of elements <paramref name="start"/> to start + <paramref name="count"/> - 1 of the host view, to be read after
    /// <see cref="AwaitDownload"/>, or written before <see cref="BeginUpload"/>. They stay at the same place for the gradient's life.
    /// Elements of one block of the collective lie behind each other; of more than one array holds, those of different blocks may not.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not there, or do not lie behind each other.</exception>
    public abstract ArraySegment<byte> Host(long start, int count);

    /// <summary>Elements from <paramref name="start"/> on that lie behind each other in the host view.</summary>
    public virtual Span<float> HostFrom(long start) =>
        MemoryMarshal.Cast<byte, float>(Host(start, checked((int)(Length - start))).AsSpan());

    /// <summary>
    /// Those elements of the host view were written and are the device's to take: from now on, beside what it computes, and before it
    /// next reads the gradient at the latest. Written and handed over again, the last values hold.
    /// </summary>
    public abstract void BeginUpload(long start, long count);

    /// <summary>Frees the memory on the device and the host view; a copy under way ends first.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the device holds for it. Called after the device was lost, too, and then must not throw.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
