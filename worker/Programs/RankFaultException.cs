using Coordinator.Machines;
using Coordinator.Worker.Data;
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
    /// every device. So are data that no program of it can read; a copy of them, a disk or a silo that this worker cannot read is the
    /// worker's. None of that says anything of a device.
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
                case DataException data:
                    return KindOf(data.Problem);
                case OverflowException or InvalidDataException:
                    return FaultKind.Job;
                case IOException or UnauthorizedAccessException or HttpRequestException:
                    return FaultKind.Worker;
            }
        }

        return FaultKind.Unknown;
    }

    private static FaultKind KindOf(DataProblem problem) => problem switch
    {
        DataProblem.Missing or DataProblem.NotInStore or DataProblem.Unreadable or DataProblem.Corrupt or DataProblem.StoreUnwritable =>
            FaultKind.Worker,
        _ => FaultKind.Job,
    };
}
