namespace Coordinator.Machines.Gangs;

/// <summary>What an agent's host is to do.</summary>
public abstract record GangAgentOutput;

/// <summary>Bring what the program needs, see that nothing of an earlier generation lives, and find free ports; then say so.</summary>
public sealed record PrepareRanks(long Generation, GangSpec Spec, GangSeat Seat) : GangAgentOutput;

/// <summary>Start the processes.</summary>
public sealed record RunRanks(long Generation, GangSpec Spec, GangSeat Seat, GangStart Start) : GangAgentOutput;

/// <summary>SIGTERM to all processes of the generation.</summary>
public sealed record EndRanks(long Generation) : GangAgentOutput;

/// <summary>SIGKILL to all of them, at once.</summary>
public sealed record KillRanks(long Generation) : GangAgentOutput;

/// <summary>Let go of what preparing has taken.</summary>
public sealed record DropPreparation(long Generation) : GangAgentOutput;

/// <summary>Ask the panel whether it is there; an answer brings <paramref name="SentAt"/> back.</summary>
public sealed record AskPeers(long Generation, GangStart Start, TimeSpan SentAt) : GangAgentOutput;

/// <summary>Say to the job.</summary>
public sealed record TellGang(GangReport Report) : GangAgentOutput;

/// <summary>The job is over, and nothing of it is needed but its logs.</summary>
public sealed record ForgetGang : GangAgentOutput;
