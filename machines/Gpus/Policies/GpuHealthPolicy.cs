using System.Globalization;

namespace Coordinator.Machines.Gpus.Policies;

/// <summary>
/// What is to be done about XID errors, recovery actions and uncorrected memory errors: a table that operators edit, and pure functions
/// on it. What it does not list takes a gpu out of service: unknown is not schedulable.
/// <para>
/// The text has a line a rule, <c>kind numbers: remedy</c>, where kind is <c>xid</c> or <c>recovery-action</c>, numbers are single ones and
/// ranges, or <c>other</c>, and remedy is <c>none</c>, <c>log</c>, <c>restart-program</c>, <c>drain-and-reset</c>, <c>reboot-node</c> or
/// <c>quarantine</c>; a line <c>uncorrected-ecc: remedy</c>; and a line <c>incident-seconds: number</c>. <c>#</c> begins a remark.
/// </para>
/// Sources: NVIDIA's XID catalogue and NVML's recovery actions (nvmlDeviceGpuRecoveryAction_t).
/// </summary>
public sealed class GpuHealthPolicy
{
    private readonly SortedDictionary<int, GpuRemedy> xids = [];
    private readonly SortedDictionary<int, GpuRemedy> actions = [];
    private GpuRemedy otherXid = GpuRemedy.Quarantine;
    private GpuRemedy otherAction = GpuRemedy.Quarantine;

    private GpuHealthPolicy()
    {
    }

    /// <summary>The shipped policy, <see cref="GpuHealthPolicyText.Default"/>.</summary>
    public static GpuHealthPolicy Default { get; } = Parse(GpuHealthPolicyText.Default);

    /// <summary>What follows an error within this time belongs to the same incident. Default 3 minutes.</summary>
    public TimeSpan IncidentTime { get; private set; } = TimeSpan.FromMinutes(3);

    /// <summary>What a rise of the count of uncorrected memory errors asks for.</summary>
    public GpuRemedy UncorrectedEcc { get; private set; } = GpuRemedy.DrainAndReset;

    /// <summary>Reads a policy's text; what it leaves out keeps the severest remedy.</summary>
    /// <exception cref="FormatException">A line is no rule, or says again what one before it said; the message names its
    /// number.</exception>
    public static GpuHealthPolicy Parse(string text)
    {
        var policy = new GpuHealthPolicy();
        var lines = text.Split('\n');
        for (var number = 1; number <= lines.Length; number++)
        {
            var line = lines[number - 1].Split('#')[0].Trim();
            if (line.Length > 0 && policy.Take(line) is { } wrong)
                throw new FormatException($"line {number}: {wrong}");
        }

        return policy;
    }

    /// <summary>What an XID asks for.</summary>
    public GpuRemedy OfXid(int xid) => xids.TryGetValue(xid, out var remedy) ? remedy : otherXid;

    /// <summary>What a recovery action of the driver asks for.</summary>
    public GpuRemedy OfRecoveryAction(int action) => actions.TryGetValue(action, out var remedy) ? remedy : otherAction;

    /// <summary>
    /// What a reading asks for, the severest first; the driver's own recovery action goes before what an XID of the same weight says.
    /// </summary>
    /// <param name="reading">The reading.</param>
    /// <param name="knownEcc">Uncorrected memory errors at the reading before; null: none is known.</param>
    public IReadOnlyList<GpuVerdict> Judge(GpuReading reading, long? knownEcc)
    {
        List<GpuVerdict> verdicts = [];
        if (reading.RecoveryAction is { } action)
            verdicts.Add(new GpuVerdict(OfRecoveryAction(action), $"the driver asks for recovery action {action}"));
        foreach (var xid in reading.Xids)
            verdicts.Add(new GpuVerdict(OfXid(xid), $"XID {xid}"));
        if (reading.UncorrectedEcc is { } ecc && ecc > (knownEcc ?? 0))
            verdicts.Add(new GpuVerdict(UncorrectedEcc, $"{ecc} uncorrected memory errors"));
        return [.. verdicts.Where(verdict => verdict.Remedy != GpuRemedy.None).OrderByDescending(verdict => verdict.Remedy)];
    }

    /// <summary>
    /// Whether a reading says nothing about a gpu of which nothing is known: <see cref="Judge"/> would find nothing in it. Of every reading
    /// of every gpu, so it makes no list.
    /// </summary>
    public bool IsPlain(GpuReading reading)
    {
        if (reading.RecoveryAction is { } action && OfRecoveryAction(action) != GpuRemedy.None)
            return false;
        if (reading.UncorrectedEcc > 0 && UncorrectedEcc != GpuRemedy.None)
            return false;
        for (var i = 0; i < reading.Xids.Count; i++)
        {
            if (OfXid(reading.Xids[i]) != GpuRemedy.None)
                return false;
        }

        return true;
    }

    /// <summary>Whether a reading shows a gpu that asks for nothing.</summary>
    public bool IsClean(GpuReading reading) => Judge(reading, knownEcc: null).All(verdict => verdict.Remedy <= GpuRemedy.Log);

    private string? Take(string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            return $"'{line}' has no colon; write such as 'xid 46 62 64: drain-and-reset'";
        var words = line[..colon].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var value = line[(colon + 1)..].Trim();
        if (words is ["incident-seconds"])
        {
            if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                return $"incident-seconds is '{value}' but must be a whole number of seconds";
            IncidentTime = TimeSpan.FromSeconds(seconds);
            return null;
        }

        if (RemedyOf(value) is not { } remedy)
            return $"'{value}' is no remedy; choose {string.Join(", ", Enum.GetValues<GpuRemedy>().Select(WordOf))}";
        switch (words)
        {
            case ["uncorrected-ecc"]:
                UncorrectedEcc = remedy;
                return null;
            case ["xid", "other"]:
                otherXid = remedy;
                return null;
            case ["recovery-action", "other"]:
                otherAction = remedy;
                return null;
            case ["xid", _, ..]:
                return Put(xids, words[1..], remedy);
            case ["recovery-action", _, ..]:
                return Put(actions, words[1..], remedy);
            default:
                return $"'{line[..colon]}' is no rule; begin with xid, recovery-action, uncorrected-ecc or incident-seconds";
        }
    }

    /// <summary>A remedy as policy files and people write it.</summary>
    public static string WordOf(GpuRemedy remedy) => remedy switch
    {
        GpuRemedy.RestartProgram => "restart-program",
        GpuRemedy.DrainAndReset => "drain-and-reset",
        GpuRemedy.RebootNode => "reboot-node",
        _ => remedy.ToString().ToLowerInvariant(),
    };

    private static GpuRemedy? RemedyOf(string word)
    {
        foreach (var remedy in Enum.GetValues<GpuRemedy>())
        {
            if (WordOf(remedy) == word)
                return remedy;
        }

        return null;
    }

    private static string? Put(SortedDictionary<int, GpuRemedy> table, string[] numbers, GpuRemedy remedy)
    {
        foreach (var text in numbers)
        {
            var ends = text.Split('-');
            if (ends.Length > 2 || !int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || last < first || last > 100_000)
            {
                return $"'{text}' is neither a number nor a range such as 39-41";
            }
            for (var number = first; number <= last; number++)
            {
                if (!table.TryAdd(number, remedy))
                    return $"{number} has a rule already";
            }
        }

        return null;
    }
}
