namespace Coordinator.Machines.Gangs;

/// <summary>What an agent learns.</summary>
public abstract record GangAgentInput;

/// <summary>An order came.</summary>
public sealed record AgentOrdered(GangOrder Order) : GangAgentInput;

/// <summary>The time that was asked for has come.</summary>
public sealed record AgentTimePassed : GangAgentInput;

/// <summary>The worker was asked to end: the processes end in order, and nothing is started any more.</summary>
public sealed record AgentLeaving(string Reason) : GangAgentInput;

/// <summary>All that the program needs is there, nothing of an earlier generation lives here, and the ports are free.</summary>
public sealed record AgentPrepared(long Generation, int MasterPort, int LeasePort) : GangAgentInput;

/// <summary>What preparing is at, for people.</summary>
public sealed record AgentPreparing(long Generation, string Detail) : GangAgentInput;

/// <summary>The node cannot take part in the generation.</summary>
public sealed record AgentCannotPrepare(long Generation, string Detail) : GangAgentInput;

/// <summary>A process was started.</summary>
public sealed record AgentRankStarted(long Generation, int Rank, int ProcessId) : GangAgentInput;

/// <summary>A process ended, and nothing of it is left; or it could not be started.</summary>
public sealed record AgentRankEnded(long Generation, int Rank, GangExit Exit) : GangAgentInput;

/// <summary>A process gave a sign of life, and perhaps told a step.</summary>
public sealed record AgentHeardRank(long Generation, long Step) : GangAgentInput;

/// <summary>A peer answered what was asked at <paramref name="SentAt"/>, on this agent's clock.</summary>
public sealed record AgentPeerAnswered(long Generation, int Index, TimeSpan SentAt) : GangAgentInput;
