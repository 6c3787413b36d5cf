using System.Net;
using System.Text;
using static System.FormattableString;

namespace Coordinator.Planning.Pages;

/// <summary>
/// Pieces of inline pictures. Lengths are units of a view 860 wide; colours are classes of the page's style, so that they suit light and
/// dark.
/// </summary>
internal sealed class Svg
{
    /// <summary>Width of every picture.</summary>
    public const int Width = 860;

    private readonly StringBuilder text = new();

    /// <summary>Begins a picture of a height; <paramref name="label"/> tells those who do not see it what it shows.</summary>
    public Svg(double height, string label) =>
        text.Append(Invariant($"<svg viewBox=\"0 0 {Width} {height:0.#}\" role=\"img\" aria-label=\"{Escaped(label)}\">"));

    /// <summary>Text as the page may hold it.</summary>
    public static string Escaped(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Writes; <paramref name="anchor"/> is start, middle or end.</summary>
    public void Text(double x, double y, string content, string anchor = "start", string style = "") =>
        text.Append(Invariant($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\"{Class(style)}>{Escaped(content)}</text>"));

    /// <summary>A filled rectangle; <paramref name="hint"/> shows under the pointer.</summary>
    public void Rect(double x, double y, double width, double height, string style, string hint = "") =>
        text.Append(Invariant($"<rect x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{width:0.##}\" height=\"{height:0.##}\"{Class(style)}")).Append(
            hint.Length == 0 ? "/>" : $"><title>{Escaped(hint)}</title></rect>");

    /// <summary>A straight line.</summary>
    public void Line(double x0, double y0, double x1, double y1, string style) =>
        text.Append(Invariant($"<line x1=\"{x0:0.##}\" y1=\"{y0:0.##}\" x2=\"{x1:0.##}\" y2=\"{y1:0.##}\"{Class(style)}/>"));

    /// <summary>A line through points.</summary>
    public void Path(IEnumerable<(double X, double Y)> points, string style) =>
        text.Append("<polyline points=\"").AppendJoin(' ', points.Select(point => Invariant($"{point.X:0.##},{point.Y:0.##}"))).Append(
            Invariant($"\"{Class(style)}/>"));

    /// <summary>A mark of a shape: 0 a disc, 1 a square, 2 a triangle.</summary>
    public void Mark(double x, double y, int shape, double size, string style, string hint)
    {
        var drawn = (shape % 3) switch
        {
            0 => Invariant($"<circle cx=\"{x:0.##}\" cy=\"{y:0.##}\" r=\"{size:0.##}\""),
            1 => Invariant($"<rect x=\"{x - size:0.##}\" y=\"{y - size:0.##}\" width=\"{2 * size:0.##}\" height=\"{2 * size:0.##}\""),
            _ => Invariant($"<polygon points=\"{x - size:0.##},{y - size:0.##} {x + size:0.##},{y - size:0.##} {x:0.##},{y + size:0.##}\""),
        };
        var name = shape % 3 == 0 ? "circle" : shape % 3 == 1 ? "rect" : "polygon";
        text.Append(drawn).Append(Invariant($"{Class(style)}><title>{Escaped(hint)}</title></{name}>"));
    }

    /// <summary>The picture.</summary>
    public override string ToString() => text + "</svg>\n";

    private static string Class(string style) => style.Length == 0 ? "" : $" class=\"{style}\"";
}
