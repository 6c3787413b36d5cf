namespace Coordinator.Runs.Clusters;

/// <summary>Environment variables by which a command finds its silo where no option names one.</summary>
public static class ConnectionVariables
{
    /// <summary>Address of the silo, behind <c>--silo</c>.</summary>
    public const string Silo = "COORDINATOR_SILO";

    /// <summary>File with the silo's token, behind <c>--token-file</c>.</summary>
    public const string TokenFile = "COORDINATOR_TOKEN_FILE";
}
