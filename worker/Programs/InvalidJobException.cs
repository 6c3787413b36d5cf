namespace Coordinator.Worker.Programs;

/// <summary>A job's specification cannot be run; the message names the value at fault and what would do instead.</summary>
public sealed class InvalidJobException : Exception
{
    public InvalidJobException()
    {
    }

    public InvalidJobException(string message)
        : base(message)
    {
    }

    public InvalidJobException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
