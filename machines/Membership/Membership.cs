using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Machines;

/// <summary>
/// The members of a generation, in rank order, and the hash that chains it to all memberships before:
/// h(0) = 64 zeros, h(to) = SHA-256(h(from), from, to, removed, added).
/// </summary>
public sealed record Membership
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>The generation.</summary>
    public required long Generation { get; init; }

    /// <summary>Sorted by gpu; a member's rank is its index.</summary>
    public required IReadOnlyList<Member> Members { get; init; }

    /// <summary>Head of the hash chain.</summary>
    public required string Hash { get; init; }

    /// <summary>The membership before the first generation.</summary>
    public static Membership None(JobId job) => new() { Job = job, Generation = 0, Members = [], Hash = new string('0', 64) };

    /// <summary>Rank of a gpu, or -1.</summary>
    public int RankOf(GpuId gpu)
    {
        int low = 0, high = Members.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = Members[middle].Gpu.CompareTo(gpu);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return -1;
    }

    /// <summary>This membership after a change, whose hash is checked.</summary>
    /// <returns>Null where the change starts elsewhere, or its hash is not the one that follows.</returns>
    public Membership? After(MembershipChange change)
    {
        var start = change.FromGeneration == 0 ? None(Job) : this;
        if (start.Generation != change.FromGeneration || change.Job != Job)
            return null;
        var next = start.Apply(change.ToGeneration, change.Removed, change.Added);

        // A whole membership starts the chain anew for its reader, who cannot know the hashes before it.
        if (change.FromGeneration == 0)
            return next with { Hash = change.Hash };
        return next.Hash == change.Hash ? next : null;
    }

    /// <summary>The next membership of the chain.</summary>
    public Membership Apply(long generation, IReadOnlyList<GpuId> removed, IReadOnlyList<Member> added)
    {
        var gone = new SortedSet<GpuId>(removed);
        foreach (var member in added)
            gone.Add(member.Gpu);
        var members = Members.Where(member => !gone.Contains(member.Gpu)).Concat(added).OrderBy(member => member.Gpu).ToArray();
        var text = new StringBuilder(Hash).Append('|').Append(Generation).Append('|').Append(generation);
        foreach (var gpu in removed)
            text.Append("|-").Append(gpu);
        foreach (var member in added)
            text.Append("|+").Append(member.Gpu).Append(' ').Append(member.Address).Append(' ').Append(member.Boot);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        return new Membership { Job = Job, Generation = generation, Members = members, Hash = hash };
    }
}
