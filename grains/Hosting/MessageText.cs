using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// A message as it travels between silos: its JSON, and beside it what a job tells all its nodes alike, by name, which the receiving silo
/// has or asks for once (<see cref="SharedParts"/>). To silos of earlier builds that goes whole.
/// </summary>
/// <param name="Json">The message without its shared parts.</param>
/// <param name="Change">JSON of <see cref="NodeOrders.Change"/>; empty: it has none, or it is named.</param>
/// <param name="Assignment">JSON of <see cref="NodeOrders.Assignment"/>; empty likewise.</param>
/// <param name="ChangeName">Name of <see cref="NodeOrders.Change"/>; empty: it has none, or it is there whole.</param>
/// <param name="AssignmentName">Name of <see cref="NodeOrders.Assignment"/>; empty likewise.</param>
public readonly record struct MessageText(byte[] Json, byte[] Change, byte[] Assignment, byte[] ChangeName, byte[] AssignmentName)
{
    /// <summary>Whether it names anything: an earlier build would pass over it.</summary>
    public bool HasNames => ChangeName.Length > 0 || AssignmentName.Length > 0;

    /// <summary>Writes a message.</summary>
    public static MessageText Of(GrainMessage message, SharedParts parts)
    {
        if (message is not NodeOrders { Change: var change, Assignment: var assignment } orders || (change is null && assignment is null))
            return new(Write(message), [], [], [], []);
        var rest = Write(orders with { Change = null, Assignment = null });
        return parts.MayName
            ? new(
                rest,
                [],
                [],
                change is null ? [] : parts.Changes.WriteName(change),
                assignment is null ? [] : parts.Assignments.WriteName(assignment))
            : new(
                rest,
                change is null ? [] : parts.Changes.Write(change),
                assignment is null ? [] : parts.Assignments.Write(assignment),
                [],
                []);
    }

    /// <summary>Reads a message. One that names what this silo lacks is read as <see cref="NamedOrders"/>.</summary>
    /// <exception cref="ArgumentException">It is none that this version knows; the message shows how it begins.</exception>
    public GrainMessage Read(SharedParts parts)
    {
        try
        {
            var message = Contracts.Read<GrainMessage>(Json);
            return message is NodeOrders orders ? Complete(orders, parts) : message;
        }
        catch (JsonException e)
        {
            var start = System.Text.Encoding.UTF8.GetString(Json.AsSpan(0, Math.Min(Json.Length, 80)));
            throw new ArgumentException($"cannot read '{start}': {e.Message} Run one version of the coordinator on all silos, or upgrade "
                + "them one after the other without mixing further ones.", e);
        }
    }

    private NodeOrders Complete(NodeOrders orders, SharedParts parts)
    {
        if (Change.Length > 0)
            orders = orders with { Change = parts.Changes.Read(Change) };
        if (Assignment.Length > 0)
            orders = orders with { Assignment = parts.Assignments.Read(Assignment) };
        if (!HasNames)
            return orders;
        var (changeName, assignmentName) = (NameIn(ChangeName), NameIn(AssignmentName));
        var (change, assignment) = (
            changeName is null ? orders.Change : parts.Changes.Find(changeName),
            assignmentName is null ? orders.Assignment : parts.Assignments.Find(assignmentName));
        var isThere = (changeName is null || change is not null) && (assignmentName is null || assignment is not null);
        return isThere ? orders with { Change = change, Assignment = assignment } : new NamedOrders(orders, changeName, assignmentName);
    }

    private static PartName? NameIn(byte[] text) => text.Length == 0 ? null : PartName.Read(text);

    private static byte[] Write(GrainMessage message) => JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.GrainMessage);
}
