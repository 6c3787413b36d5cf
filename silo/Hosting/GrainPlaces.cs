using Orleans.Configuration;

namespace Coordinator.Silo.Hosting;

/// <summary>
/// How the silos of a cluster write down where grains are. Orleans' older directory has each silo keep the entries of its part of all names
/// alone: when one dies, its entries are gone, and the others give up those of their own grains that were written down there. The
/// distributed one asks the silos that are left for what they have, so nothing of theirs is given up. docs/orleans.md has what was
/// measured.
/// </summary>
internal static class GrainPlaces
{
    /// <summary>Sets it up.</summary>
    public static void Configure(ISiloBuilder silo)
    {
#pragma warning disable ORLEANSEXP003 // Orleans calls it experimental; docs/orleans.md has what is relied on, and how it was measured.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003

        // It would let nobody load what a dead silo had for half a minute, since that one may be alive and not know that it counts as dead.
        // Such a second copy does no harm here: every grain that keeps anything has its fences, and half a minute without a job does.
        silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.Zero);
    }
}
