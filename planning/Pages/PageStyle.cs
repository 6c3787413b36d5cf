using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Pages;

/// <summary>The page's style: colours by what they stand for, for light and dark.</summary>
internal static class PageStyle
{
    private static readonly (Loss Kind, string Class, string Light, string Dark)[] Kinds =
    [
        (Loss.Productive, "productive", "#2b7a4b", "#4caf7a"),
        (Loss.MissingRanks, "missing", "#b8972a", "#d8b84a"),
        (Loss.WastedProgress, "wasted", "#c8553d", "#e8765c"),
        (Loss.InfrastructureRecovery, "recovery", "#7d4e9e", "#b184d4"),
        (Loss.CheckpointSave, "save", "#3a78b5", "#69a5e0"),
        (Loss.CheckpointRestore, "restore", "#79a7d3", "#a3c8ee"),
        (Loss.Unpowered, "unpowered", "#8a8a82", "#9a9a92"),
    ];

    /// <summary>Curves of policies, in their order.</summary>
    private static readonly (string Light, string Dark)[] Policies =
    [
        ("#2b7a4b", "#4caf7a"), ("#c8553d", "#e8765c"), ("#3a78b5", "#69a5e0"),
    ];

    /// <summary>Class of what a kind of time is filled with.</summary>
    public static string Fill(Loss kind) => "f-" + Kinds.First(entry => entry.Kind == kind).Class;

    /// <summary>Class of a policy's curve (<c>c</c>) or mark (<c>m</c>).</summary>
    public static string Policy(int number, char what) => $"{what}-{number % Policies.Length}";

    /// <summary>The style sheet.</summary>
    public static string Sheet { get; } =
        "<style>:root{color-scheme:light dark;--ink:#222;--quiet:#666;--line:#d5d5cf;--paper:#fff;--box:#f5f5f2;--all:#b5b5ae;"
            + Colours(dark: false) + "}"
        + "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e1;--quiet:#a5a59d;--line:#44443f;--paper:#1b1b19;--box:#262623;--all:#6a6a63;" + Colours(dark: true) + "}}"
        + "body{font:15px/1.5 system-ui,sans-serif;max-width:880px;margin:2rem auto;padding:0 "
        + "1rem;color:var(--ink);background:var(--paper)}h1{font-size:1.4rem}h2{font-size:1.15rem;margin:2rem 0 "
        + ".4rem}h3{font-size:1rem;margin:1.1rem 0 .2rem}"
        + "pre{font-size:12px;overflow-x:auto;background:var(--box);padding:.8rem}svg{display:block;max-width:100%;height:auto;margin:.3rem 0}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .q{fill:var(--quiet)}svg .b{font-weight:600}"
        + "p{margin:.3rem 0}.q{color:var(--quiet);font-size:13px}td,th{text-align:left;padding:.05rem .9rem .05rem "
        + "0;font-size:13px;font-weight:normal}th{color:var(--quiet)}.g{stroke:var(--line)}.f-all{fill:var(--all)}.f-ink{fill:var(--ink)}"
        + string.Concat(Kinds.Select(kind => $".f-{kind.Class}{{fill:var(--{kind.Class})}}"))
        + string.Concat(
            Policies.Select((_, i) => $".c-{i}{{fill:none;stroke-width:2;stroke:var(--p{i})}}.m-{i},svg text.m-{i}{{fill:var(--p{i})}}"))
        + ".c-2{stroke-width:6;opacity:.5}</style>";

    private static string Colours(bool dark) =>
        string.Concat(Kinds.Select(kind => $"--{kind.Class}:{(dark ? kind.Dark : kind.Light)};")) + string.Concat(
            Policies.Select((policy, i) => $"--p{i}:{(dark ? policy.Dark : policy.Light)};"));
}
