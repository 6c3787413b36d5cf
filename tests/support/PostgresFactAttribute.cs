using Coordinator.Runs.Clusters;

namespace Coordinator.Tests.Support;

/// <summary>A test that needs a PostgreSQL server of its own; where none is installed it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute()
    {
        if (!PrivatePostgres.IsInstalled)
            Skip = "PostgreSQL is not installed here (Debian: apt-get install postgresql)";
    }
}
