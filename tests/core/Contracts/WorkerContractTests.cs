using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Tests.Contracts;

/// <summary>
/// Workers and silos of two builds speak to each other while one of them is replaced after the other, as long as <see cref="Hello.CurrentProtocol"/> is the same. What one does not
/// say reads as null or zero at the other, so a further member must mean that by null or zero.
/// </summary>
public sealed class WorkerContractTests
{
    private const string Node = "\"node\":\"a\"";
    private const string Session = "\"session\":{\"boot\":1,\"connection\":1}";
    private const string Address = "\"dataAddress\":\"127.0.0.1:7071\"";
    private const string Gpus = "\"gpus\":[{\"index\":0,\"name\":\"cpu\",\"deviceClass\":\"cpu-x64-k1\",\"device\":\"cpu\"}]";

    private static string Protocol => $"\"protocol\":{Hello.CurrentProtocol}";

    [Fact]
    public void A_worker_that_does_not_know_a_further_number_is_let_in()
    {
        var (hello, fault) = Read(Protocol, Node, Session, Address, Gpus);

        Assert.Null(fault);
        Assert.Equal((0, 0L), (hello!.ProcessId, Assert.Single(hello.Gpus).MemoryBytes));
    }

    [Theory]
    [InlineData("protocol")]
    [InlineData("node")]
    [InlineData("session")]
    [InlineData("dataAddress")]
    [InlineData("gpus")]
    public void What_every_worker_says_must_be_there(string missing)
    {
        var (hello, fault) = Read([.. new[] { Protocol, Node, Session, Address, Gpus }.Where(member => !member.StartsWith($"\"{missing}\"", StringComparison.Ordinal))]);

        Assert.Null(hello);
        Assert.NotNull(fault);
    }

    [Fact]
    public void Further_members_of_what_workers_and_silos_say_are_null_or_zero_where_nothing_is_said()
    {
        var found = Reachable(typeof(WorkerMessage), typeof(CoordinatorMessage)).SelectMany(Wrong).Order(StringComparer.Ordinal).ToArray();

        Assert.True(
            s_ofProtocol5.SequenceEqual(found),
            $"These have another initial value than null or zero: {string.Join(' ', found.Except(s_ofProtocol5))}. These have it no more: {string.Join(' ', s_ofProtocol5.Except(found))}.");
    }

    private static (Hello? Hello, CloseReason? Fault) Read(params string[] members) =>
        WorkerFrames.ReadHello(System.Text.Encoding.UTF8.GetBytes($"{{\"say\":\"hello\",{string.Join(',', members)}}}"));

    private static IEnumerable<string> Wrong(Type type)
    {
        if (type.IsAbstract || type.GetMethod("<Clone>$") is null)
            yield break;
        var blank = RuntimeHelpers.GetUninitializedObject(type);
        var initial = type.GetConstructors().Select(constructor => constructor.Invoke([.. constructor.GetParameters().Select(parameter =>
            parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null)])).First();
        var positional = type.GetConstructors().SelectMany(constructor => constructor.GetParameters()).Select(parameter => parameter.Name).ToHashSet();
        foreach (var member in Members(type).Where(member => !positional.Contains(member.Name) && member.GetCustomAttribute<RequiredMemberAttribute>() is null))
        {
            if (!Equals(member.GetValue(initial), member.GetValue(blank)))
                yield return $"{type.Name}.{member.Name}";
        }
    }

    private static IEnumerable<PropertyInfo> Members(Type type) =>
        type.GetProperties().Where(member => member.SetMethod is not null && member.GetCustomAttribute<JsonIgnoreAttribute>() is not { Condition: JsonIgnoreCondition.Always });

    /// <summary>The records that a message is or holds.</summary>
    private static HashSet<Type> Reachable(params Type[] roots)
    {
        var reached = new HashSet<Type>();
        var open = new Queue<Type>(roots);
        while (open.TryDequeue(out var type))
        {
            foreach (var argument in type.GetGenericArguments())
                open.Enqueue(argument);
            if (type.Assembly != typeof(WorkerMessage).Assembly || type.IsEnum || !reached.Add(type))
                continue;
            foreach (var next in type.GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => derived.DerivedType).Concat(type.GetProperties().Select(member => member.PropertyType)))
                open.Enqueue(next);
        }

        return reached;
    }

    /// <summary>Members that each worker and each silo of protocol 5 has said from the beginning.</summary>
    private static readonly string[] s_ofProtocol5 =
    [
    ];
}
