using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Coordinator.Configuration;

/// <summary>
/// YamlDotNet's parser, of which nothing comes out but events and <see cref="YamlException"/>: some texts that are no YAML make it fail
/// in its own
/// ways, such as half of a surrogate pair in an escape, and whoever wrote such a text wants to know where.
/// </summary>
internal sealed class GuardedParser(IParser inner) : IParser
{
    /// <inheritdoc/>
    public ParsingEvent? Current => inner.Current;

    /// <inheritdoc/>
    public bool MoveNext()
    {
        try
        {
            return inner.MoveNext();
        }
        catch (Exception e) when (e is not YamlException and not OutOfMemoryException)
        {
            var end = inner.Current?.End ?? Mark.Empty;
            throw new YamlException(end, end, "what follows here cannot be read", e);
        }
    }
}
