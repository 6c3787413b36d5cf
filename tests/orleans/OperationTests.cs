using System.Collections.Concurrent;
using System.Reflection;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>What an operation of a grain is: one record, one turn, which ends whether or not its caller waits for it.</summary>
public sealed class OperationTests
{
    private static readonly GrainAddress Job = GrainAddress.Of(TwoWorkers.Job);

    private static MethodInfo[] Operations => [.. typeof(IMachineGrain).Assembly.GetExportedTypes()
        .Where(type => type.IsInterface && type.IsAssignableTo(typeof(IMachineGrain)) && type != typeof(IMachineGrain))
        .SelectMany(type => type.GetMethods())

        // It is asked by another silo and not by a machine, and changes nothing.
        .Where(operation => operation.Name != nameof(ITrainingJobGrain.FindPart))];

    [Fact]
    public void An_operation_takes_one_record_of_the_machines_and_no_cancellation_token()
    {
        Assert.True(Operations.Length > 20);
        Assert.All(Operations, operation => Assert.True(Assert.Single(operation.GetParameters()).ParameterType is { IsAbstract: false } type
            && type.IsAssignableTo(typeof(GrainMessage)), operation.ToString()));
        Assert.Equal([typeof(GrainMessage[])], typeof(IMachineGrain).GetMethods().SelectMany(operation => operation.GetParameters()).Select(
            parameter => parameter.ParameterType));
    }

    [Fact]
    public void Each_record_has_one_operation() =>
        Assert.Equal(Operations.Length, Operations.Select(operation => operation.GetParameters()[0].ParameterType).Distinct().Count());

    [Fact]
    public async Task A_caller_that_stops_to_wait_ends_its_waiting_and_not_the_turn()
    {
        var storage = new SharedStorage();
        await using var silos = await TestSilos.StartAsync(storage);
        var held = storage.HoldNextWrite("silo-a", TwoWorkers.Job.Value);
        using var patience = new CancellationTokenSource();
        var turn = silos.Deliver(Job, new SubmitJob(TwoWorkers.Spec));
        var waiting = turn.WaitAsync(patience.Token);
        await held.Arrived;

        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        held.Release();
        await turn;

        Assert.Contains(storage.Writes, write => write.Grain == $"trainingjob/{TwoWorkers.Job}");
        Assert.Empty(silos.Services.GivenUp);
    }

    [Fact]
    public async Task What_an_activation_fails_of_reaches_its_caller_as_text()
    {
        var storage = new SharedStorage();
        storage.Put($"trainingjob/{TwoWorkers.Job}", """{"Json":"{\"version\":999}","Incarnation":1,"Sequence":1,"Writer":"w"}""");
        await using var silos = await TestSilos.StartAsync(storage);

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => silos.Deliver(Job, new SubmitJob(TwoWorkers.Spec)));

        Assert.Contains("gave up this activation", failure.ToString(), StringComparison.Ordinal);
        Assert.Contains("999", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_filter_sees_calls_and_timers_and_no_activation()
    {
        // Why failures are put into words in GrainBoundary and not in a filter.
        var filter = new RecordingFilter();
        var storage = new SharedStorage();
        await using var silos = await TestSilos.StartAsync(storage, configure: silo => silo.AddIncomingGrainCallFilter(filter));
        await silos.Deliver(Job, new SubmitJob(TwoWorkers.Spec));
        await filter.Changed.Until(() => filter.Seen.Contains("InvokeCallbackAsync"));

        Assert.Contains("Submit", filter.Seen);
        storage.Put("trainingjob/broken", """{"Json":"{\"version\":999}","Incarnation":1,"Sequence":1,"Writer":"w"}""");
        filter.Seen.Clear();
        await Assert.ThrowsAnyAsync<Exception>(() => silos.Deliver(GrainAddress.Of(new JobId("broken")), new CancelJob("enough")));
        Assert.DoesNotContain("Cancel", filter.Seen);
    }

    [Fact]
    public void A_message_to_whom_something_waits_for_already_costs_its_place_in_the_queue_and_nothing_else()
    {
        // One that never ends is under way, so all others wait.
        using var outbox = new Outbox<int, string>((_, _) => new TaskCompletionSource().Task, (_, _, _) => { }, window: 1, limit: 1000);
        for (var i = 0; i < 70; i++)
            outbox.Send(1, "message");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 32; i++)
            outbox.Send(1, "message");

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private sealed class RecordingFilter : IIncomingGrainCallFilter
    {
        public ConcurrentQueue<string> Seen { get; } = new();

        public Signal Changed { get; } = new();

        public async Task Invoke(IIncomingGrainCallContext context)
        {
            Seen.Enqueue(context.MethodName);
            Changed.Notify();
            await context.Invoke();
        }
    }
}
