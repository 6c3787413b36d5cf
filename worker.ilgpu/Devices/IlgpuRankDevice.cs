using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Ilgpu.Programs;
using Coordinator.Worker.Programs;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Coordinator.Worker.Ilgpu.Devices;

/// <summary>
/// A rank's computing on an ILGPU accelerator of its own (on a GPU: a context of the driver's, so that what breaks it breaks no other
/// rank): state [3n], activations and gradients in the device's memory. What is allocated, is allocated when the device is made (gradients
/// when asked for).
/// <para>
/// Three streams, since ILGPU has no way to let one stream wait for another: <em>computing</em>, which belongs to the device's thread and
/// is empty whenever a call of it has returned; <em>sums</em> and <em>copies</em>, which belong to the rank's loop. Where one needs
/// what another does, the host waits in between: a copy out of a sum waits for the sums; a computing that overwrites a gradient waits
/// for both queues if they were given that gradient; the optimizer waits for the copies, which bring what it reads.
/// </para>
/// </summary>
internal sealed class IlgpuRankDevice : IRankDevice
{
    private readonly TrainingSpec training;
    private readonly OptimizerSpec optimizer;
    private readonly ParameterLayout layout;
    private readonly string name;
    private readonly AcceleratorStream computing;
    private readonly AcceleratorStream sums;
    private readonly DeviceKernels kernels;
    private readonly DeviceKernels sumKernels;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> state;
    private readonly IDeviceProgram program;

    /// <param name="spec">The job.</param>
    /// <param name="samples">Samples of the model's block; null where the program needs none.</param>
    /// <param name="name">What messages call the device.</param>
    /// <param name="context">ILGPU's context, which outlives the device and may serve others.</param>
    /// <param name="device">One of its devices.</param>
    /// <param name="tuning">How work is cut; null for what suits the device.</param>
    /// <param name="own">The job's program; null: the one that its spec names.</param>
    /// <exception cref="DeviceLostException">The accelerator could not be opened.</exception>
    /// <exception cref="InsufficientMemoryException">Its memory does not suffice.</exception>
    public IlgpuRankDevice(JobSpec spec, ISampleSource? samples, string name, Context context, Device device, KernelTuning? tuning = null,
        ITrainingProgram? own = null)
    {
        (this.name, this.training, optimizer) = (name, spec.Training, spec.Optimizer);
        own ??= TrainingPrograms.Create(spec);
        layout = own.Layout;
        try
        {
            Accelerator = device.CreateAccelerator(context);
        }
        catch (AcceleratorException e)
        {
            throw new DeviceLostException($"{name} cannot be opened: {e.Message}", e);
        }

        try
        {
            tuning ??= KernelTuning.For(device.AcceleratorType);
            computing = Accelerator.CreateStream();
            sums = Accelerator.CreateStream();
            Copies = Accelerator.CreateStream();
            kernels = new DeviceKernels(Accelerator, computing, tuning);
            sumKernels = new DeviceKernels(Accelerator, sums, tuning);
            this.state = Accelerator.Allocate1D<float>(3L * layout.ParameterCount);
            program = DevicePrograms.Of(spec).Make(spec, own, samples, Accelerator, computing, kernels);
        }
        catch (AcceleratorException e) when (e is CudaException { Error: not nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY) })
        {
            EndQuietly(() => Accelerator.Dispose());
            throw Lost(e);
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            EndQuietly(() => Accelerator.Dispose());
            throw new InsufficientMemoryException(
                $"{name} ({device.MemorySize / 1048576.0:F0} MiB) has no room for the job: {MemoryBytes(spec, layout) / 1048576.0:F0} MiB "
                    + $"for state, activations and"
                + $" three gradients. Lower training.micro_batch, which is {spec.Training.MicroBatch}, or the model. ({e.Message})", e);
        }
        catch
        {
            EndQuietly(() => Accelerator.Dispose());
            throw;
        }
    }

    /// <summary>The device.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>The stream of copies between gradients and their host views.</summary>
    public AcceleratorStream Copies { get; }

    /// <summary>The kernels that compute gradients, to be profiled.</summary>
    public DeviceKernels Kernels => kernels;

    public long ParameterCount => layout.ParameterCount;

    /// <summary>
    /// Memory that a rank of <paramref name="spec"/> takes on a device, in bytes: state, activations, and three gradients.
    /// </summary>
    public static long MemoryBytes(JobSpec spec, ParameterLayout? layout = null)
    {
        var state = 6L * (layout ?? TrainingPrograms.Create(spec).Layout).ParameterCount;
        return (state + DevicePrograms.Of(spec).Activations(spec)) * sizeof(float);
    }

    public void Initialize() => Guard(() =>
    {
        // Made here, with the CPU device's own code, so that all classes of devices begin with the same bits.
        var parameters = new float[ParameterCount];
        ParameterInitializer.Fill(layout, training.Seed, parameters);
        state.MemSetToZero(computing);
        State(0, ParameterCount).CopyFromCPU(computing, parameters);
        computing.Synchronize();
    });

    public DeviceGradient CreateGradient() => Guard(() => new IlgpuGradient(this, Accelerator.Allocate1D<float>(ParameterCount)));

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        var numbers = Own(gradient);
        var samples = ShardSamples.Of(training, step, shard);
        return Guard(() =>
        {
            if (numbers.InUseByQueues) AwaitQueues();
            numbers.InUseByQueues = false;
            numbers.Changed();
            try
            {
                if (samples.Count == 0)
                {
                    numbers.View.MemSetToZero(computing);
                    return new ShardResult(0, 0);
                }

                long targets = 0;
                cancel.ThrowIfCancellationRequested();
                program.Begin(samples.FirstPosition, samples.Count);
                for (var done = 0; done < samples.Count; done += training.MicroBatch)
                {
                    cancel.ThrowIfCancellationRequested();
                    var count = Math.Min(training.MicroBatch, samples.Count - done);
                    targets += program.AddGradient(State(0, ParameterCount), numbers.View, done > 0, done, count, cancel);
                }

                return new ShardResult(program.TakeLoss(), targets);
            }
            finally
            {
                // Cancelled or not, nothing of this call goes on after it.
                computing.Synchronize();
            }
        });
    }

    public void Add(DeviceGradient sum, DeviceGradient addend)
    {
        IlgpuGradient to = Own(sum), from = Own(addend);
        Guard(() =>
        {
            // A copy out of the old sum ends first.
            if (to.InUseByQueues) Copies.Synchronize();
            to.Changed();
            sumKernels.Add(to.View, from.View);
            to.InUseByQueues = from.InUseByQueues = true;
        });
    }

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        var numbers = Own(reduced);
        var scalars = OptimizerStep.Of(training, optimizer, step, sumOfSquares, targets);
        Guard(() =>
        {
            Copies.Synchronize();
            foreach (var tensor in layout.Tensors)
            {
                ArrayView<float> Moment(int moment) => State((moment * ParameterCount) + tensor.Offset, tensor.Length);
                kernels.AdamW(Moment(0), Moment(1), Moment(2), numbers.View.SubView(tensor.Offset, tensor.Length), scalars.For(tensor));
            }

            computing.Synchronize();
        });
        return scalars.Norm;
    }

    public void ReadState(long offset, Span<float> destination)
    {
        try
        {
            Accelerator.Bind();
            State(offset, destination.Length).CopyToCPU(Copies, destination);
            Copies.Synchronize();
        }
        catch (AcceleratorException e)
        {
            throw Lost(e);
        }
    }

    public void WriteState(long offset, ReadOnlySpan<float> source)
    {
        try
        {
            Accelerator.Bind();
            State(offset, source.Length).CopyFromCPU(computing, source);
            computing.Synchronize();
        }
        catch (AcceleratorException e)
        {
            throw Lost(e);
        }
    }

    public void Dispose()
    {
        EndQuietly(program.Dispose);
        EndQuietly(state.Dispose);
        EndQuietly(computing.Dispose);
        EndQuietly(sums.Dispose);
        EndQuietly(Copies.Dispose);
        EndQuietly(Accelerator.Dispose);
    }

    /// <summary>Waits until no sum is under way.</summary>
    public void AwaitSums() => sums.Synchronize();

    /// <summary>Waits until neither a sum nor a copy is under way.</summary>
    public void AwaitQueues()
    {
        sums.Synchronize();
        Copies.Synchronize();
    }

    /// <summary>
    /// Runs what uses the accelerator, on whichever thread: CUDA's context is each thread's own, and not all of ILGPU binds it (to lock
    /// pages does not). An error of the accelerator is the loss of this device: CUDA's contexts stay broken.
    /// </summary>
    /// <exception cref="DeviceLostException">The accelerator reported an error.</exception>
    public T Guard<T>(Func<T> use)
    {
        try
        {
            Accelerator.Bind();
            return use();
        }
        catch (AcceleratorException e)
        {
            throw Lost(e);
        }
    }

    /// <inheritdoc cref="Guard{T}(Func{T})"/>
    public void Guard(Action use) => Guard(() =>
    {
        use();
        return 0;
    });

    /// <summary>Gives something back; a context that is broken refuses even that, and its memory goes with it.</summary>
    public void EndQuietly(Action end)
    {
        try
        {
            Accelerator.Bind();
            end();
        }
        catch (AcceleratorException)
        {
            // It was reported when it broke.
        }
    }

    private DeviceLostException Lost(AcceleratorException e) =>
        new($"{(e is CudaException cuda ? $"{cuda.Error} on {name}" : name)}: {e.Message}", e);

    private ArrayView<float> State(long offset, long length) => state.View.AsContiguous().SubView(offset, length);

    private IlgpuGradient Own(DeviceGradient gradient) =>
        gradient is IlgpuGradient own && own.Owner == this
            ? own
            : throw new ArgumentException($"{name} was handed a {gradient.GetType().Name} that it did not make.", nameof(gradient));
}
