using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Gpus;
using Coordinator.Machines.Jobs;
using Reader = Coordinator.Machines.Contracts;

namespace Coordinator.Tests.Contracts;

/// <summary>
/// What an older version wrote is read. The files of <c>v1</c> were written by the first version that stored anything (0.1.0, before its
/// states had a version number); they are never changed.
/// </summary>
public sealed class ContractTests
{
    private static readonly Dictionary<string, Type> Families = new()
    {
        ["grain"] = typeof(GrainMessage),
        ["worker"] = typeof(WorkerMessage),
        ["coordinator"] = typeof(CoordinatorMessage),
        ["order"] = typeof(RankOrder),
    };

    private static readonly Dictionary<string, (Type Type, GrainAddress Grain)> States = new()
    {
        ["state.job.json"] = (typeof(TrainingJobState), GrainAddress.Of(new JobId("j1"))),
        ["state.gpu.json"] = (typeof(GpuState), GrainAddress.Of(new GpuId(new NodeId("n1"), 0))),
        ["state.cluster.json"] = (typeof(ClusterState), GrainAddress.Cluster),
        ["state.gang.json"] = (typeof(GangState), GrainAddress.OfGang(new JobId("g1"))),
    };

    public static IEnumerable<object[]> Files =>
        Directory.GetFiles(Folder, "*.json").Select(Path.GetFileName).Order(StringComparer.Ordinal).Select(name => new object[] { name! });

    public static IEnumerable<object[]> Records => typeof(GrainMessage).Assembly.GetTypes()
        .Where(type => type is { IsClass: true, IsAbstract: false, IsNested: false }
            && type.GetMethod("<Clone>$") is not null
            && type.GetConstructor(Type.EmptyTypes) is not null)
        .Where(type => type.GetProperties().Any(property => property.SetMethod is not null))
        .Select(type => new object[] { type.FullName! });

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Contracts", "v1");

    [Theory]
    [MemberData(nameof(Files))]
    public void What_version_1_wrote_is_read_with_all_that_it_says(string file)
    {
        var text = File.ReadAllText(Path.Combine(Folder, file));
        var type = States.TryGetValue(file, out var state) ? state.Type : Families[file[..file.IndexOf('.', StringComparison.Ordinal)]];

        var read = Read(type, file, text);

        var again = JsonSerializer.SerializeToNode(read, type, MachinesJson.Default.Options)!;
        AssertHolds(JsonNode.Parse(text)!, again, file);
    }

    [Fact]
    public void Every_kind_of_message_of_version_1_has_its_file()
    {
        var files = Files.Select(row => (string)row[0]).ToHashSet();

        // Never on the way between processes: engines make them.
        string[] own = ["grain.activated.json", "grain.deadline-passed.json"];
        foreach (var (family, type) in Families)
        {
            foreach (var kind in type.GetCustomAttributes<JsonDerivedTypeAttribute>()
                .Select(derived => $"{family}.{derived.TypeDiscriminator}.json").Except(own))
            {
                Assert.Contains(kind, files);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void A_member_that_the_writer_did_not_know_keeps_its_initial_value(string record)
    {
        var type = typeof(GrainMessage).Assembly.GetType(record)!;
        var expected = Activator.CreateInstance(type)!;
        var required = new JsonObject();
        foreach (var property in type.GetProperties().Where(property => property.GetCustomAttribute<RequiredMemberAttribute>() is not null))
            required[JsonNamingPolicy.CamelCase.ConvertName(property.Name)] = Sample(property.PropertyType);

        var read = typeof(Reader).GetMethod(
            nameof(Reader.Read), [typeof(string)])!.MakeGenericMethod(type).Invoke(null, [required.ToJsonString()])!;

        foreach (var property in type.GetProperties().Where(
            property => property.SetMethod is not null && property.GetCustomAttribute<RequiredMemberAttribute>() is null))
        {
            Assert.True(
                JsonNode.DeepEquals(
                    Node(property.GetValue(expected), property.PropertyType), Node(property.GetValue(read), property.PropertyType)),
                $"{type.Name}.{property.Name} is {property.GetValue(read) ?? "null"} where {property.GetValue(expected) ?? "null"} is its "
                    + "initial value");
        }
    }

    [Fact]
    public void A_state_of_a_newer_version_is_refused_by_name_and_number()
    {
        foreach (var (file, (_, grain)) in States)
        {
            var newer = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, file)))!.AsObject();
            newer["version"] = Reader.StateVersion + 1;
            newer["members"] = "another shape";

            var refused = Assert.Throws<StateVersionException>(() => MachineFactory.Create(grain, newer.ToJsonString()));

            Assert.Contains($"{grain} has version {Reader.StateVersion + 1}", refused.Message, StringComparison.Ordinal);
            Assert.Contains("newer coordinator", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"kind":"gpus-stolen","job":"j1"}""", "gpus-stolen")]
    [InlineData("""{"job":"j1"}""", "kind")]
    [InlineData("""{"kind":"cancel-job"}""", "reason")]
    [InlineData("null", "null")]
    [InlineData("[]", "GrainMessage")]
    public void A_message_that_is_unknown_is_refused_with_the_reason(string text, string named)
    {
        if (named == "reason")
        {
            // Positional members are the older contract: one that is missing reads as null, and nobody sends it.
            Assert.Null(Assert.IsType<CancelJob>(Reader.Read<GrainMessage>(text)).Reason);
            return;
        }

        Assert.Contains(named, Assert.Throws<JsonException>(() => Reader.Read<GrainMessage>(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Further_members_are_passed_over() =>
        Assert.Equal(
            "enough",
            Assert.IsType<CancelJob>(Reader.Read<GrainMessage>("""{"kind":"cancel-job","reason":"enough","by":"somebody"}""")).Reason);

    private static object Read(Type type, string file, string text) => States.TryGetValue(file, out var state)
        ? typeof(Reader).GetMethod(nameof(Reader.ReadState))!.MakeGenericMethod(type).Invoke(null, [state.Grain, text])!
        : typeof(Reader).GetMethod(nameof(Reader.Read), [typeof(string)])!.MakeGenericMethod(type).Invoke(null, [text])!;

    private static void AssertHolds(JsonNode expected, JsonNode actual, string path)
    {
        if (expected is JsonObject members)
        {
            foreach (var (name, value) in members.Where(member => member.Value is not null))
                AssertHolds(value!, actual[name] ?? throw new Xunit.Sdk.XunitException($"{path}.{name} is gone"), $"{path}.{name}");
        }
        else if (expected is JsonArray items)
        {
            Assert.Equal(items.Count, actual.AsArray().Count);
            for (var index = 0; index < items.Count; index++)
                AssertHolds(items[index]!, actual[index]!, $"{path}[{index}]");
        }
        else
        {
            Assert.True(JsonNode.DeepEquals(expected, actual), $"{path} was {expected} and reads as {actual}");
        }
    }

    private static JsonNode? Node(object? value, Type type) =>
        value is null ? null : JsonSerializer.SerializeToNode(value, type, MachinesJson.Default.Options);

    private static JsonNode Sample(Type type) => type switch
    {
        _ when type == typeof(string) || type == typeof(JobId) || type == typeof(NodeId) => "n1",
        _ when type == typeof(GpuId) => "n1/0",
        _ when type == typeof(int) || type == typeof(long) => 1,
        _ when type == typeof(bool) => true,
        _ when type == typeof(double) => 1.5,
        _ when type == typeof(DateTimeOffset) => "2026-01-01T00:00:00+00:00",
        _ when type.IsEnum => type.GetEnumNames()[0],
        _ when type != typeof(string) && typeof(System.Collections.IEnumerable).IsAssignableFrom(type) => new JsonArray(),
        _ => new JsonObject(),
    };
}
