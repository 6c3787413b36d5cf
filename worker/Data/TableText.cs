using System.Globalization;
using System.Text;
using Coordinator.Disk;

namespace Coordinator.Worker.Data;

/// <summary>
/// A table of numbers as text, read a line at a time: cells with commas between them (.csv) or tabs (.tsv), in quotes or not. The first
/// line may name the columns, and does so where none of its cells is a number. What is no finite number is refused with its line and
/// column: a table that is read otherwise than it was meant trains a model of something else.
/// </summary>
internal sealed class TableText(string path, TextReader reader)
{
    private const int LongestLine = 1 << 24;
    private const int MostShown = 40;

    private static readonly string[] Endings = [".csv", ".tsv"];

    private readonly char between = path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) ? '\t' : ',';
    private readonly StringBuilder waiting = new();
    private int line;

    /// <summary>Names of the columns; null where the table has none.</summary>
    public IReadOnlyList<string>? Names { get; private set; }

    /// <summary>Numbers in a row; 0 before the first.</summary>
    public int Columns { get; private set; }

    /// <summary>Whether a file is a table by its name.</summary>
    public static bool IsTable(string path) => Endings.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>Opens a table, which must be text.</summary>
    /// <exception cref="DataException">It cannot be read, or is no text in UTF-8.</exception>
    public static StreamReader Open(string path)
    {
        try
        {
            var stream = RegularFile.OpenNamed(path);
            if (stream.CanSeek)
            {
                var head = new byte[FileFormats.HeadBytes];
                head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
                stream.Position = 0;
                if (FileFormats.Of(head) is { } format)
                {
                    stream.Dispose();
                    throw new DataException(DataProblem.WrongFormat,
                        $"{path} is {format.Name}, and no table of numbers: save it as text in UTF-8, with commas between the cells");
                }
            }

            return new StreamReader(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true),
                detectEncodingFromByteOrderMarks: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(path, e);
        }
    }

    /// <summary>The next row; null at the end. It is used again for the one after it.</summary>
    /// <exception cref="DataException">A cell is no number, or the row has another number of cells than the first.</exception>
    public float[]? Read(float[]? row)
    {
        while (ReadLine() is { } text)
        {
            if (text.Length == 0)
            {
                RefuseMore();
                return null;
            }

            var cells = Cells(text);
            if (line == 1 && cells.All(cell => cell.Length > 0 && !IsNumber(cell, out _)))
            {
                (Names, Columns) = (cells, cells.Count);
                continue;
            }

            if (Columns == 0)
                Columns = cells.Count;
            if (cells.Count != Columns)
            {
                throw Wrong(
                    $"line {line} has {cells.Count} cells, and the first has {Columns}",
                        $"cells have {(between == '\t' ? "tabs" : "commas")} between them; mend the line or delete it");
            }

            row ??= new float[Columns];
            for (var column = 0; column < Columns; column++)
            {
                if (!IsNumber(cells[column], out row[column]))
                    throw Wrong(WhyNoNumber(cells, column), "write a finite number with a point, or delete the line");
            }

            return row;
        }

        return null;
    }

    private string WhyNoNumber(IReadOnlyList<string> cells, int column)
    {
        var name = Names is null ? "" : $" ({Shown(Names[column])})";
        var cell = cells[column];
        var place = $"line {line}, column {column + 1}{name}";
        return cell.Length == 0 ? $"{place} is empty"
            : line == 1 ? $"{place} is '{Shown(cell)}' and no number that float32 can hold, while other cells of the line are numbers (a "
            + $"line of names has none)"
            : $"{place} is '{Shown(cell)}' and no number that float32 can hold";
    }

    private static string Shown(string cell) => Machines.PlainText.Line(cell, MostShown);

    // Digits of other scripts are none to .NET either; a number beyond float32 would be read as infinity.
    private static bool IsNumber(string cell, out float number) =>
        float.TryParse(cell, NumberStyles.Float & ~NumberStyles.AllowTrailingWhite & ~NumberStyles.AllowLeadingWhite,
            CultureInfo.InvariantCulture, out number)
        && float.IsFinite(number) && !cell.Contains('\0', StringComparison.Ordinal);

    /// <summary>Empty lines are the file's end, and nothing else.</summary>
    private void RefuseMore()
    {
        var empty = line;
        while (ReadLine() is { } text)
        {
            if (text.Length > 0)
                throw Wrong($"line {empty} is empty, and more lines follow", "delete it");
        }
    }

    private List<string> Cells(string text)
    {
        var cells = new List<string>(Math.Max(Columns, 1));
        var isQuoted = false;
        waiting.Clear();
        for (var at = 0; at < text.Length; at++)
        {
            var letter = text[at];
            if (letter == '"' && isQuoted && at + 1 < text.Length && text[at + 1] == '"')
                waiting.Append(text[++at]);
            else if (letter == '"')
                isQuoted = !isQuoted;
            else if (letter == between && !isQuoted)
                Take(cells);
            else
                waiting.Append(letter);
        }

        if (isQuoted)
            throw Wrong($"line {line} has a quotation mark that is not closed", "a cell of a table of numbers ends on its line; close it");
        Take(cells);
        return cells.Count <= Machines.Jobs.DataSpec.MostColumns
            ? cells
            : throw Wrong($"line {line} has {cells.Count} cells",
            $"a table has at most {Machines.Jobs.DataSpec.MostColumns} columns; leave some out");
    }

    private void Take(List<string> cells)
    {
        cells.Add(waiting.ToString().Trim(' '));
        waiting.Clear();
    }

    private string? ReadLine()
    {
        try
        {
            var text = reader.ReadLine();
            if (text is null)
                return null;
            line++;
            if (line == 1)
                text = text.TrimStart('\uFEFF');
            return text.Length <= LongestLine ? text.TrimEnd(' ') : throw Wrong($"line {line} has {text.Length} characters",
                "this is no table of rows");
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException(DataProblem.WrongFormat,
                $"{path}: behind line {line} it is no text in UTF-8; save the table as text in UTF-8", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(path, e);
        }
    }

    private DataException Wrong(string what, string remedy) => new(DataProblem.WrongFormat, $"{path}: {what}; {remedy}");
}
