using Coordinator.Machines.Clusters;

namespace Coordinator.Machines;

/// <summary>To the cluster: how much power there is. Null: nothing is limited any more.</summary>
public sealed record PowerSet(PowerSettings? Settings) : GrainMessage;

/// <summary>To the cluster: the site may draw so much from now on, whatever else is set. Null: no limit but the approval line.</summary>
public sealed record SiteCapSet(long? Watts) : GrainMessage;

/// <summary>To the cluster: the utility has approved what is above the approval line, or (false) does so no more.</summary>
public sealed record PowerApproved(bool Approved, string Reason) : GrainMessage;

/// <summary>To the cluster: a cooling zone is as described from now on.</summary>
public sealed record CoolingZoneSet(CoolingZone Zone) : GrainMessage;

/// <summary>To the cluster: there is no such cooling zone any more.</summary>
public sealed record CoolingZoneCleared(string Name) : GrainMessage;
