namespace Coordinator.Machines.Clusters;

public sealed partial class ClusterMachine
{
    /// <summary>What a job wants and has, and what limits say of its gpus.</summary>
    private sealed class Allocation
    {
        public int Wanted { get; set; }

        public int Priority { get; set; }

        public string? DeviceClass { get; set; }

        /// <summary>Fewest gpus with which the job can go on; null: it has not said, and any number will do.</summary>
        public int? Minimum { get; set; }

        /// <summary>Gpus that it has of each node, all or none; 0: any number.</summary>
        public int PerNode { get; set; }

        /// <summary>Nodes of which it is given none.</summary>
        public IReadOnlyList<NodeId> Avoid { get; set; } = [];

        /// <summary>Whether one gpu alone holds its state.</summary>
        public bool OneHolder { get; set; }

        /// <summary>Whether it is a gang's.</summary>
        public bool IsGang { get; set; }

        /// <summary>Whether its used gpus hold its state and compute nothing, and so draw nothing.</summary>
        public bool Parked { get; set; }

        /// <summary>Whether it may go on, and has not said yet that it does: until then its word that it is parked is an old one.</summary>
        public bool Resumed { get; set; }

        /// <summary>Since when it uses gpus that are too few to go on with; null: they are enough, or it uses none.</summary>
        public TimeSpan? ShortSince { get; set; }

        public long JobIncarnation { get; set; }

        public long JobSequence { get; set; } = -1;

        /// <summary>The newest offer that has come to the job, as it said last; null: it does not say.</summary>
        public OfferNumber? Heard { get; set; }

        /// <summary>
        /// Gpus taken back from it, each with the last offer in which it may have been one to use, until it has heard a later one.
        /// </summary>
        public SortedDictionary<GpuId, long> Withdrawn { get; } = [];

        public SortedSet<GpuId> Gpus { get; } = [];

        public HashSet<GpuId> Used { get; } = [];

        /// <summary>Those of <see cref="Gpus"/> that are not <see cref="Used"/>: what may be taken back. Few, where the job runs.</summary>
        public SortedSet<GpuId> Unused { get; } = [];

        /// <summary>Whether it got gpus by saying that it uses them, and that is not stored yet.</summary>
        public bool IsGrown { get; set; }

        /// <summary>What the job said last that it uses, in its order.</summary>
        public IReadOnlyList<GpuId> SaidUsed { get; set; } = [];

        public SortedSet<GpuId> Preferred { get; } = [];

        /// <summary>Before this the job hears of no further changes.</summary>
        public TimeSpan QuietUntil { get; set; }

        /// <summary>Whether it has just asked.</summary>
        public bool IsAsking { get; set; }

        /// <summary>Whether there are changes that it has not heard of.</summary>
        public bool OwesOffer { get; set; }

        /// <summary>Its gpus that a limit concerns: they are no use to it for long.</summary>
        public SortedDictionary<GpuId, GpuLimit> Limits { get; set; } = [];

        /// <summary>Those of them that it is to go on without as soon as nothing is lost by that.</summary>
        public SortedSet<GpuId> GivingBack { get; set; } = [];

        /// <summary>Gpus that it gave back for want of power, and did not get back.</summary>
        public int Shed { get; set; }

        /// <summary>Why it gets no more.</summary>
        public HeldBack? Held { get; set; }
    }
}
