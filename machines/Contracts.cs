using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Coordinator.Machines;

/// <summary>
/// Reads what another version may have written: states from storage, messages from a silo that is upgraded at another time. A member that
/// the writer did not know keeps its initial value, one that the reader does not know is passed over; an unknown kind of message and a
/// state of a newer version are refused.
/// </summary>
public static class Contracts
{
    /// <summary>
    /// Newest version of stored states that is known here. It is raised when an older coordinator could no longer make sense of what is
    /// written; a further member with an initial value raises nothing.
    /// </summary>
    public const int StateVersion = DecayStepsVersion;

    /// <summary>Version of states that every coordinator can read.</summary>
    public const int FirstStateVersion = 1;

    /// <summary>Version of a job's state whose members are written as what differs (<see cref="MembersConverter"/>).</summary>
    public const int ManyMembersVersion = 2;

    /// <summary>
    /// Version of a job's state whose learning rate ends at a step of its own: a coordinator that passed over that would train with other
    /// rates.
    /// </summary>
    public const int DecayStepsVersion = 3;

    /// <summary>
    /// By reflection: generated readers set every init-only member that is missing to null or zero, whatever its initial value. What is
    /// read here is read seldom or is small.
    /// </summary>
    private static readonly JsonSerializerOptions Reading = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>Reads a message or a view.</summary>
    /// <exception cref="JsonException">The text is none; of an unknown kind the message names the kind.</exception>
    public static T Read<T>(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Reading) ?? throw new JsonException($"a {typeof(T).Name} is null");
        }
        catch (NotSupportedException e)
        {
            throw new JsonException($"a {typeof(T).Name} has no kind, or not as its first member", e);
        }
    }

    /// <inheritdoc cref="Read{T}(string)"/>
    public static T Read<T>(ReadOnlySpan<byte> utf8Json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(utf8Json, Reading) ?? throw new JsonException($"a {typeof(T).Name} is null");
        }
        catch (NotSupportedException e)
        {
            throw new JsonException($"a {typeof(T).Name} has no kind, or not as its first member", e);
        }
    }

    /// <summary>The same of a document that was parsed already.</summary>
    /// <exception cref="JsonException">It is no such thing.</exception>
    public static T Read<T>(JsonNode json) =>
        json.Deserialize<T>(Reading) ?? throw new JsonException($"a {typeof(T).Name} is null");

    /// <summary>Reads a grain's stored state.</summary>
    /// <exception cref="StateVersionException">A newer coordinator wrote it.</exception>
    /// <exception cref="JsonException">It cannot be read; the message names the grain.</exception>
    public static T ReadState<T>(GrainAddress grain, string json)
    {
        try
        {
            // The version comes first: a newer state may have any shape.
            using (var document = JsonDocument.Parse(json))
            {
                if (document.RootElement.TryGetProperty("version", out var version) && version.GetInt32() is > StateVersion and var found)
                    throw new StateVersionException(grain, found);
            }

            return Read<T>(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new JsonException($"the stored state of {grain} cannot be read: {e.Message} Nothing was changed; restore it from a "
                + "backup, or run the coordinator that wrote it.", e);
        }
    }
}

/// <summary>A newer coordinator wrote a grain's state.</summary>
/// <param name="grain">The grain.</param>
/// <param name="found">Version of its state.</param>
public sealed class StateVersionException(GrainAddress grain, int found) : Exception(
    $"the stored state of {grain} has version {found}, and this coordinator knows versions up to {Contracts.StateVersion}. Nothing was "
        + "changed; run the newer coordinator that wrote it.");
