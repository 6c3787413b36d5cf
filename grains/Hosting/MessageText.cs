using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// A message as it travels between silos: its JSON, and beside it what a job tells all its nodes alike, which is written once and read once
/// in a silo (<see cref="SharedPart{T}"/>), however many nodes it goes to.
/// </summary>
/// <param name="Json">The message without its shared parts.</param>
/// <param name="Change">JSON of <see cref="NodeOrders.Change"/>; null: it has none.</param>
/// <param name="Deal">JSON of <see cref="NodeOrders.Deal"/>; null: it has none.</param>
public readonly record struct MessageText(byte[] Json, byte[]? Change, byte[]? Deal)
{
    /// <summary>Memberships that this process has written for, or read from, other silos.</summary>
    public static SharedPart<MembershipChange> Changes { get; } = new(MachinesJson.Default.MembershipChange);

    /// <summary>Deals of shards that this process has written for, or read from, other silos.</summary>
    public static SharedPart<ShardsDealt> Deals { get; } = new(MachinesJson.Default.ShardsDealt);

    /// <summary>Writes a message.</summary>
    public static MessageText Of(GrainMessage message) => message is NodeOrders orders && (orders.Change is not null || orders.Deal is not null)
        ? new(
            Write(orders with { Change = null, Deal = null }),
            orders.Change is { } change ? Changes.Write(change) : null,
            orders.Deal is { } deal ? Deals.Write(deal) : null)
        : new(Write(message), null, null);

    /// <summary>Reads a message.</summary>
    /// <exception cref="ArgumentException">It is none that this version knows; the message shows how it begins.</exception>
    public static GrainMessage Read(ReadOnlySpan<byte> json, ReadOnlySpan<byte> change, ReadOnlySpan<byte> deal)
    {
        try
        {
            var message = Contracts.Read<GrainMessage>(json);
            return message is NodeOrders orders && !(change.IsEmpty && deal.IsEmpty)
                ? orders with { Change = change.IsEmpty ? null : Changes.Read(change), Deal = deal.IsEmpty ? null : Deals.Read(deal) }
                : message;
        }
        catch (JsonException e)
        {
            var start = System.Text.Encoding.UTF8.GetString(json[..Math.Min(json.Length, 80)]);
            throw new ArgumentException($"cannot read '{start}': {e.Message} Run one version of the coordinator on all silos, or upgrade them one after the other without mixing further ones.", e);
        }
    }

    private static byte[] Write(GrainMessage message) => JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.GrainMessage);
}
