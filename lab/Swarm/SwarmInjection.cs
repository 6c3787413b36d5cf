namespace Coordinator.Lab.Swarm;

/// <summary>A defect to show that the swarm notices it.</summary>
public enum SwarmInjection
{
    /// <summary>None.</summary>
    None,

    /// <summary>One agent lets the changes of memberships pass by, and answers as if it had taken them.</summary>
    Skip,
}
