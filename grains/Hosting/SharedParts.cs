using Coordinator.Machines;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// What jobs tell all their nodes alike, as one silo has it: one object each, however many nodes of the silo are told. Orders from another
/// silo name it, and the job is asked for it once. Thread-safe.
/// </summary>
public sealed class SharedParts(IServiceProvider services)
{
    private volatile ClusterManifest? judged;
    private bool understood;

    /// <summary>Memberships that this silo has written for, or read from, other silos.</summary>
    public SharedPart<MembershipChange> Changes { get; } = new(
        MachinesJson.Default.MembershipChange,
        static change => new PartName(PartKind.Membership, change.Job, change.Incarnation, change.ToGeneration, ""));

    /// <summary>Assignments of shards, likewise.</summary>
    public SharedPart<ShardsAssigned> Assignments { get; } = new(
        MachinesJson.Default.ShardsAssigned,
        static assignment => new PartName(PartKind.Assignment, assignment.Job, assignment.Incarnation, assignment.Generation, ""));

    /// <summary>
    /// Whether every silo of the cluster understands names. While one of an earlier build is among them, as when a cluster is upgraded silo
    /// by silo, everything goes whole with each message. Nor may a client name anything: nobody could ask it.
    /// </summary>
    public bool MayName
    {
        get
        {
            if (services.GetService<ILocalSiloDetails>() is null
                || services.GetRequiredService<IClusterManifestProvider>().Current is not { } manifest)
            {
                return false;
            }
            if (!ReferenceEquals(manifest, judged))
                (understood, judged) = (manifest.Silos.Values.All(TakesPartNamesAttribute.IsIn), manifest);
            return understood;
        }
    }

    /// <summary>
    /// The name of a message to a worker that all nodes of a job are told alike; null: it is one node's own, or goes whole.
    /// </summary>
    public byte[]? NameOf(CoordinatorMessage message) => message switch
    {
        MembershipChanged changed when MayName => Changes.WriteName(changed.Change),
        ShardsAssigned assignment when MayName => Assignments.WriteName(assignment),
        _ => null,
    };

    /// <summary>The text of a part that this silo has written; null: nobody here uses it any more.</summary>
    public byte[]? TextOf(string digest) => Changes.TextOf(digest) ?? Assignments.TextOf(digest);

    /// <summary>The orders that were meant.</summary>
    /// <exception cref="ArgumentException">What they name is not to be had: they are late, and the job will have sent others.</exception>
    public async Task<NodeOrders> CompleteAsync(NamedOrders named) => named.Rest with
    {
        Change = named.ChangeName is { } change ? await Changes.GetAsync(change, AskAsync) : named.Rest.Change,
        Assignment = named.AssignmentName is { } assignment ? await Assignments.GetAsync(assignment, AskAsync) : named.Rest.Assignment,
    };

    /// <summary>The message to a worker that was meant.</summary>
    /// <exception cref="ArgumentException">What is named is not to be had.</exception>
    public async Task<CoordinatorMessage> MessageOfAsync(PartName name) =>
        name.Kind == PartKind.Assignment
            ? await Assignments.GetAsync(name, AskAsync)
            : new MembershipChanged(await Changes.GetAsync(name, AskAsync));

    private Task<byte[]?> AskAsync(PartName name) =>
        ((ITrainingJobGrain)GrainCalls.Find(services.GetRequiredService<IGrainFactory>(), GrainAddress.Of(name.Job))).FindPart(name.Digest);
}
