using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Worker.Processes;

/// <summary>What of a worker's environment a program may see.</summary>
public sealed class ProgramEnvironmentTests
{
    private static readonly Dictionary<string, string> Worker = new()
    {
        ["PATH"] = "/bin",
        ["HOME"] = "/root",
        ["NCCL_DEBUG"] = "INFO",
        ["COORDINATOR_TOKEN"] = "secret",
        ["COORDINATOR_TOKEN_FILE"] = "/token",
        ["AWS_SECRET_ACCESS_KEY"] = "secret",
        ["WANDB_API_KEY"] = "key",
        ["PGPASSWORD"] = "secret",
        ["MY_SETTING"] = "1",
    };

    [Fact]
    public void A_program_gets_what_is_on_the_list_and_no_secret() =>
        Assert.Equal(
            ["HOME", "NCCL_DEBUG", "PATH"], ProgramEnvironment.Of(Worker, ProgramPolicy.Closed, []).Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void The_operator_may_add_names_but_none_of_the_coordinators_own()
    {
        var policy = new ProgramPolicy { MoreVariables = ["WANDB_*", "MY_SETTING", "COORDINATOR_*", "COORDINATOR_TOKEN"] };

        Assert.Equal(
            ["HOME", "MY_SETTING", "NCCL_DEBUG", "PATH", "WANDB_API_KEY"],
            ProgramEnvironment.Of(Worker, policy, []).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_the_job_sets_goes_over_what_is_inherited_and_the_user_has_a_home()
    {
        var policy = new ProgramPolicy { User = new ProgramUser("train", 1000, 1000, "/home/train") };

        var environment = ProgramEnvironment.Of(
            Worker, policy, [KeyValuePair.Create("PATH", "/opt/bin"), KeyValuePair.Create("RANK", "0")]);

        Assert.Equal(
            ("/opt/bin", "0", "/home/train", "train"),
            (environment["PATH"], environment["RANK"], environment["HOME"], environment["USER"]));
    }
}
