using System.Text;
using Coordinator.Disk;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Coordinator.Configuration;

/// <summary>
/// Reads a file of settings, a job file unless another form is named. It takes exactly two levels, sections and keys, from the parser's
/// events: so every error knows its line, nothing is nested deep enough to exhaust the stack, and no alias multiplies anything.
/// </summary>
internal sealed class YamlSettings
{
    private const int LargestBytes = 1 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string file;
    private readonly SettingsForm form;
    private readonly IParser parser;
    private readonly List<Setting> settings = [];
    private readonly Dictionary<string, int> lines = new(StringComparer.Ordinal);

    private YamlSettings(string file, SettingsForm form, IParser parser) => (this.file, this.form, this.parser) = (file, form, parser);

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, is no YAML, or has another form than sections of keys.</exception>
    public static IReadOnlyList<Setting> ReadFile(string path, SettingsForm? form = null)
    {
        form ??= SettingsForm.Job;
        return Read(path, ReadContent(path, form), form);
    }

    /// <summary>Reads the bytes of a file that is to hold settings.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or is too long.</exception>
    public static byte[] ReadContent(string path, SettingsForm form)
    {
        var noun = form.Noun;
        try
        {
            using var stream = RegularFile.OpenNamed(path);
            if (stream.CanSeek && stream.Length > LargestBytes)
                throw new ConfigurationException($"{stream.Length} bytes are no {noun}; the most is {LargestBytes}", path);

            var content = new byte[LargestBytes + 1];
            var count = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return count <= LargestBytes
                ? content[..count]
                : throw new ConfigurationException($"more than {LargestBytes} bytes are no {noun}", path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConfigurationException($"no such {noun}; name one with -f", path, cause: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ConfigurationException($"the {noun} cannot be read ({e.Message}); check its permissions", path, cause: e);
        }
    }

    /// <summary>Reads the content of a file.</summary>
    /// <param name="file">Names the file in errors.</param>
    /// <param name="utf8">The content.</param>
    /// <param name="form">What the file may hold; null: what a job file may.</param>
    /// <exception cref="ConfigurationException">No YAML, or of another form than sections of keys.</exception>
    public static IReadOnlyList<Setting> Read(string file, ReadOnlySpan<byte> utf8, SettingsForm? form = null)
    {
        form ??= SettingsForm.Job;
        string text;
        try
        {
            text = Strict.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            var what = FileFormats.Of(utf8) is { } format ? $"is {format.Name}" : "is not UTF-8";
            throw new ConfigurationException($"the {form.Noun} {what}; save it as text in UTF-8", file, cause: e);
        }

        text = text.TrimStart('\uFEFF');
        RefuseControls(file, form, text);
        var reader = new YamlSettings(file, form, new GuardedParser(new Parser(new StringReader(text))));
        try
        {
            reader.ReadDocument();
        }
        catch (YamlException e)
        {
            throw new ConfigurationException(
                $"this is no YAML: {YamlText.Shown(e.Message)}", file, (int)e.Start.Line, (int)e.Start.Column, e);
        }

        return reader.settings;
    }

    /// <summary>
    /// YAML has no control characters but those of layout. The library takes a zero byte, such as a power cut leaves many of, for the end
    /// of the file.
    /// </summary>
    private static void RefuseControls(string file, SettingsForm form, string text)
    {
        var (line, column) = (1, 1);
        foreach (var letter in text)
        {
            if (letter is (< ' ' and not ('\t' or '\n' or '\r')) or (>= '\x7F' and < '\xA0' and not '\x85') or '\uFFFE' or '\uFFFF')
            {
                throw new ConfigurationException(
                    $"the {form.Noun} holds the character U+{(int)letter:X4}, which no YAML has; the file may be damaged: write it "
                        + $"again, or delete the character",
                    file, line, column);
            }
            (line, column) = letter == '\n' ? (line + 1, 1) : (line, column + 1);
        }
    }

    private void ReadDocument()
    {
        parser.Consume<StreamStart>();
        if (parser.TryConsume<DocumentStart>(out _))
        {
            if (!IsEmptyValue())
                ReadMapping($"a {form.Noun}", ReadSection);

            parser.Consume<DocumentEnd>();
        }

        if (parser.TryConsume<DocumentStart>(out var second))
            throw Error($"a {form.Noun} holds one document; begin another file for another {form.Subject}", second);

        parser.Consume<StreamEnd>();
    }

    private void ReadSection(Scalar section)
    {
        if (form.SectionProblem(section.Value) is { } problem)
            throw Error(problem, section);

        // All keys commented out leave a section without a value.
        if (!IsEmptyValue())
            ReadMapping(section.Value, key => ReadKey($"{section.Value}.{key.Value}", key));
    }

    private void ReadKey(string name, Scalar key)
    {
        if (form.KeyProblem(name) is { } problem)
            throw Error(problem, key);

        var value = ReadScalar($"the value of {name}");
        if (value.IsPlainImplicit && value.Value is "" or "~" or "null" or "Null" or "NULL")
            throw Error($"{name} has no value; give it one or delete the line", key);

        settings.Add(new Setting(name, value.Value, Location(key), Location(value)));
    }

    private void ReadMapping(string what, Action<Scalar> readEntry)
    {
        if (!parser.TryConsume<MappingStart>(out var start))
            throw Error($"{what} has to be lines of 'key: value'", parser.Current);

        RefuseTag(start);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadScalar($"a key of {what}");
            var path = what + "\n" + key.Value;
            if (!this.lines.TryAdd(path, (int)key.Start.Line))
                throw Error($"{YamlText.Shown(key.Value)} is given twice, first in line {this.lines[path]}; delete one of the two", key);

            readEntry(key);
        }
    }

    private Scalar ReadScalar(string what)
    {
        if (!parser.TryConsume<Scalar>(out var scalar))
            throw Error($"{what} has to be a single word, number or text in quotes", parser.Current);

        RefuseTag(scalar);
        return scalar;
    }

    private void RefuseTag(NodeEvent node)
    {
        if (!node.Tag.IsEmpty)
            throw Error($"tags such as {YamlText.Shown(node.Tag.ToString())} mean nothing in a {form.Noun}; delete it", node);
    }

    private bool IsEmptyValue() =>
        parser.Accept<Scalar>(out var scalar) && scalar is { IsPlainImplicit: true, Value: "" } && parser.TryConsume<Scalar>(out _);

    private SourceLocation Location(ParsingEvent place) => new(file, (int)place.Start.Line, (int)place.Start.Column);

    private ConfigurationException Error(string message, ParsingEvent? place) =>
        place is null ? new ConfigurationException(message, file) : new ConfigurationException(message, Location(place));
}
