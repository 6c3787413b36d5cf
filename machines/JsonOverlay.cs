using System.Text.Json.Nodes;

namespace Coordinator.Machines;

/// <summary>
/// Lays one JSON object over another: what the upper one does not name stays as the lower one has it. So a spec that names few of its
/// members keeps the defaults of the others, which a reader of JSON alone would set to zero.
/// </summary>
public static class JsonOverlay
{
    /// <summary>Objects are merged, member by member; everything else, lists and nulls too, takes the place of what was there.</summary>
    /// <param name="target">The lower object, which is changed.</param>
    /// <param name="source">The upper object, which is not.</param>
    public static void Apply(JsonObject target, JsonObject source)
    {
        foreach (var (name, value) in source)
        {
            if (value is JsonObject part && target[name] is JsonObject whole)
                Apply(whole, part);
            else
                target[name] = value?.DeepClone();
        }
    }
}
