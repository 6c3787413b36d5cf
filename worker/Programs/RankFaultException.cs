using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>
/// A rank cannot be made, or cannot go on, and whoever throws knows whose fault that is. What is thrown as anything else is of
/// <see cref="FaultKind.Unknown"/> kind, and the job finds out by trying elsewhere.
/// </summary>
/// <param name="kind">Whose fault it is.</param>
/// <param name="message">What failed, with the remedy where there is one.</param>
/// <param name="inner">What it came from; null: nothing else.</param>
public class RankFaultException(FaultKind kind, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whose fault it is.</summary>
    public FaultKind Kind { get; } = kind;

    /// <summary>
    /// Whose fault an exception is: the kind that it or what caused it names. Numbers of a job that overflow are the job's: they do so on
    /// every device.
    /// </summary>
    public static FaultKind KindOf(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case RankFaultException typed:
                    return typed.Kind;
                case DeviceLostException:
                    return FaultKind.Device;
                case OverflowException:
                    return FaultKind.Job;
            }
        }

        return FaultKind.Unknown;
    }
}
