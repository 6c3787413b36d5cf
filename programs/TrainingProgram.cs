namespace Coordinator.Programs;

/// <summary>
/// A training program of one's own: its tensors, and the gradient of a few samples. The coordinator owns everything else: ranks, the order
/// of samples, sums, AdamW and its schedule, recovery and checkpoints.
/// <para>
/// An assembly has one public class that derives from this one, with a public constructor that takes a <see cref="ProgramJob"/> or nothing;
/// the constructor reads settings and declares the tensors. An object is made for every rank, and one thread at a time uses it, so it may
/// keep scratch memory in its fields. But <b>what a pass computes may depend on nothing but the job, the parameters and the samples</b>:
/// not on earlier passes, static fields, clocks, threads, hashes of strings, or functions that differ between machines (Math.Exp and its
/// like come from each system's library; <see cref="IProgramKernels"/> has some that are the same everywhere). That is what equal bits rest
/// on.
/// </para>
/// </summary>
public abstract class TrainingProgram : IDisposable
{
    private readonly List<Tensor> tensors = [];
    private int parameters;

    /// <summary>All tensors, in the order in which they were declared.</summary>
    public IReadOnlyList<Tensor> Tensors => tensors;

    /// <summary>Elements of all tensors.</summary>
    public int ParameterCount => parameters;

    /// <summary>What the program wants of each sample. Read once, after the constructor.</summary>
    public virtual Samples Samples => Samples.None;

    /// <summary>
    /// The gradient of the sum (not the mean) of the losses over a pass's samples, into <see cref="Pass.Gradient"/>. Whatever it throws is
    /// a fault of its rank, with its message and line as the cause.
    /// </summary>
    public abstract PassResult Compute(Pass pass);

    /// <summary>Frees what the object holds beside its memory.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Declares a tensor that begins with normal numbers. Weight decay acts on tensors of two axes or more.</summary>
    /// <param name="name">Its name in the model file; no other has it.</param>
    /// <param name="deviation">Standard deviation.</param>
    /// <param name="shape">Lengths of its axes, 1 or more each.</param>
    protected Tensor Normal(string name, double deviation, params int[] shape) => Add(name, FirstValues.Normal, deviation, shape);

    /// <summary>Declares a tensor that begins with zeros.</summary>
    protected Tensor Zeros(string name, params int[] shape) => Add(name, FirstValues.Zeros, 0, shape);

    /// <summary>Declares a tensor that begins with ones.</summary>
    protected Tensor Ones(string name, params int[] shape) => Add(name, FirstValues.Ones, 0, shape);

    /// <inheritdoc cref="Dispose()"/>
    protected virtual void Dispose(bool disposing)
    {
    }

    private Tensor Add(string name, FirstValues first, double deviation, int[] shape)
    {
        if (string.IsNullOrWhiteSpace(name) || tensors.Any(tensor => tensor.Name == name))
            throw new ProgramException($"tensor {tensors.Count} is called '{name}', and every tensor needs a name that no other has");
        var length = shape.Aggregate(1L, (product, axis) => axis < 1 || product > int.MaxValue ? -1 : product * axis);
        if (shape.Length == 0 || length < 1 || length + parameters > Array.MaxLength / sizeof(float))
        {
            throw new ProgramException(
                $"tensor '{name}' has the shape [{string.Join(", ", shape)}]; axes are 1 or more, and all tensors together have at most "
                    + $"{Array.MaxLength / sizeof(float)} elements");
        }

        if (!double.IsFinite(deviation) || deviation < 0)
        {
            throw new ProgramException($"tensor '{name}' is to begin with normal numbers of the deviation {deviation}, which has to be 0 "
                + $"or more");
        }

        var tensor = new Tensor(name, [.. shape], (int)length, parameters, first, deviation);
        tensors.Add(tensor);
        parameters += tensor.Length;
        return tensor;
    }
}
