using System.Globalization;
using System.Text;
using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Server.Api;

/// <summary>
/// Where a reader is in a JSON text, written as people write it: <c>training.steps</c>, <c>nodes[2]</c>; and which names each object had
/// so far.
/// </summary>
internal sealed class JsonPlace
{
    private readonly Stack<Level> levels = new();

    /// <summary>The reader is at a member's name.</summary>
    /// <returns>What is wrong with the name, to be said behind the place; null: nothing.</returns>
    public string? Enter(ref Utf8JsonReader reader)
    {
        var level = levels.Peek();
        if (TextOf(ref reader) is not { } name)
        {
            level.Name = "?";
            return "is a name with half of a surrogate pair";
        }

        level.Name = PlainText.Line(name, 60);
        return level.Names!.Add(name) ? null : "is there twice";
    }

    /// <summary>The reader leaves the token behind.</summary>
    public void Move(JsonTokenType token)
    {
        switch (token)
        {
            case JsonTokenType.StartObject:
                levels.Push(new Level { Names = new HashSet<string>(StringComparer.Ordinal) });
                return;
            case JsonTokenType.StartArray:
                levels.Push(new Level());
                return;
            case JsonTokenType.PropertyName:
                return;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                levels.Pop();
                break;
        }

        // A value has ended: the next one of an array has another number.
        if (levels.TryPeek(out var around))
            around.Index++;
    }

    /// <summary>The text of a name or a string; null: it holds half of a surrogate pair.</summary>
    public static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var place = new StringBuilder();
        foreach (var level in levels.Reverse())
        {
            if (level.Names is null)
                place.Append(CultureInfo.InvariantCulture, $"[{level.Index}]");
            else if (level.Name is { } name)
                place.Append(place.Length > 0 ? "." : "").Append(name);
        }

        return place.ToString();
    }

    private sealed class Level
    {
        public HashSet<string>? Names { get; init; }

        public string? Name { get; set; }

        public int Index { get; set; }
    }
}
