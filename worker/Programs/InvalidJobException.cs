using Coordinator.Machines;

namespace Coordinator.Worker.Programs;

/// <summary>A job's specification cannot be run; the message names the value at fault and what would do instead.</summary>
public sealed class InvalidJobException : RankFaultException
{
    public InvalidJobException()
        : base(FaultKind.Job, "the job's specification cannot be run")
    {
    }

    public InvalidJobException(string message)
        : base(FaultKind.Job, message)
    {
    }

    public InvalidJobException(string message, Exception innerException)
        : base(FaultKind.Job, message, innerException)
    {
    }
}
