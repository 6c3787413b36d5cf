using System.Text;
using Coordinator.Machines.Jobs;

namespace Coordinator.Configuration;

/// <summary>
/// Every key of a job file with what there is to know of it: what <c>coordinator explain</c> prints and what docs/job-file.md is made
/// from. Types and
/// defaults are the reader's own, and ranges are what the validator says to values that are out of them, so neither can fall behind.
/// </summary>
public static class JobKeyReference
{
    /// <summary>Stands for all settings of a team's own programs, which have names of their own.</summary>
    internal const string AnySetting = "settings.NAME";

    private static readonly string[] Probes =
    [
        "-1", "0", "1", "3", "1073741824", "9223372036854775807", "1e39", "1e-310", "0.999999999", "1", "NaN", "-1s", "0s", "0.0001ms",
            "1000000h", "\u001b", "no such", "", "a,b",
    ];

    private static readonly Dictionary<string, string> About = new(StringComparer.Ordinal)
    {
        ["job.name"] = "A name for people; it need not be unique.",
        ["job.ranks"] = "Ranks that the job wants; it grows to this number and never beyond it. Decides no bit of the model.",
        ["job.min_ranks"] = "Fewest ranks with which the job goes on; below that it waits.",
        ["job.priority"] = "How important the job is beside others: where gpus or power are too few for all, the higher one gets them "
            + "first and the lowest gives back first.",
        ["job.device_class"] = "Class of the devices that may compute the job, or the first words of one, as `coordinator devices` shows "
            + "them; empty: whichever the most free gpus have. All ranks are of one class.",
        ["model.program"] = "The training program: a GPT on bytes or tokens, a linear regression on made-up samples that needs no data, "
            + "or a program of your own: a process, or an assembly of .NET.",
        ["model.layers"] = "Transformer layers (gpt).",
        ["model.heads"] = "Attention heads (gpt).",
        ["model.channels"] = "Width of the residual stream (gpt), or number of inputs (linear).",
        ["model.block"] = "Context length in tokens (gpt).",
        ["model.vocab"] = "Number of symbols (gpt); 256 for text, which is read as bytes.",
        ["model.dropout"] = "Probability that dropout zeroes an activation (gpt).",
        ["program.entry"] = "The file of a program of your own that is started or loaded, within its folder.",
        ["program.python"] = "The interpreter that runs a Python program, a name in the PATH or a path on every node.",
        ["program.arguments"] = "Arguments of the program, with spaces between them.",
        ["program.threads"] = "Threads that the program computes with. Decides the bits.",
        ["program.warm_up_shards"] = "Shards that a new process computes before its first counted one.",
        ["program.check_every"] = "Every so many shards one is computed again, and must give the same bits; 0: none is.",
        ["program.start_timeout"] = "How long the program may take from its start to its first shard.",
        ["program.hang_timeout"] =
            "How long the program may take for a shard, a step or what it does after a recorded step, before it is ended.",
        ["program.allow_nondeterminism"] =
            "Whether the program trains although its shards were found to differ; no bits are promised then.",
        ["program.sha256"] = "SHA-256 of the frozen folder of the program, which the silo has already.",
        ["program.bytes"] = "Size of that folder in bytes.",
        ["program.path"] = "The program: a Python script, an assembly of .NET (.dll), or a file that runs by itself. It and the modules "
            + "in its folder are brought to "
            + "every worker; a relative path is relative to the folder of the job file. The same as --program.",
        ["training.steps"] = "Optimizer steps; the job ends when the last one is applied.",
        ["training.batch_size"] = "Sequences in a global batch.",
        ["training.shards"] = "Equal slices of every global batch, of which each rank computes some. Decides the bits and never changes "
            + "during a job.",
        ["training.micro_batch"] = "Sequences in one forward and backward pass inside a shard; more need more memory. Decides the bits.",
        ["training.seed"] = "Seed of initialisation, data order and dropout.",
        ["training.allow_nonfinite"] = "Whether the job goes on where the loss or the gradient norm of a step is not a number or "
            + "infinite; else it ends at the first such step.",
        ["optimizer.learning_rate"] = "Peak learning rate of AdamW.",
        ["optimizer.beta1"] = "Decay of the first moment.",
        ["optimizer.beta2"] = "Decay of the second moment.",
        ["optimizer.epsilon"] = "Added to the root of the second moment.",
        ["optimizer.weight_decay"] = "Decoupled weight decay of matrices; 0 turns it off.",
        ["optimizer.gradient_clip"] = "Largest global gradient norm; 0 turns clipping off.",
        ["lr_scheduler.warmup_steps"] = "Steps over which the learning rate rises from 0 to its peak.",
        ["lr_scheduler.decay_steps"] = "Step at which the cosine has come down to the least learning rate, which later steps keep; 0: "
            + "the last step of the job.",
        ["lr_scheduler.min_learning_rate"] = "Learning rate at the end of the decay.",
        ["collective.block_elements"] = "Elements in a block, the unit of transfer and of the gradient norm. Decides the bits.",
        ["collective.window_blocks"] = "Blocks that may be on the way to one owner at a time.",
        ["fault_tolerance.start_timeout"] = "How long the job waits for all its ranks before it starts with fewer, once job.min_ranks "
            + "are there.",
        ["fault_tolerance.answer_timeout"] = "Time that a member has to answer a new generation before the job goes on without it.",
        ["fault_tolerance.peer_timeout"] = "Silence on a connection between workers after which the peer is accused.",
        ["fault_tolerance.gather_delay"] = "How long accusations are gathered before a decision.",
        ["fault_tolerance.progress_timeout"] = "How long a generation may make no progress while a node of it is out of reach.",
        ["fault_tolerance.hang_timeout"] = "Least time after which a device that has not ended a shard or an update counts as hanging; "
            + "20 times the longest that it took is waited for where that is more, and 10m for its first; a program has four times as "
            + "long. 0s: nothing counts as hanging.",
        ["fault_tolerance.state_timeout"] = "How long the job waits for a worker that holds its state before it fails; 0s waits for ever.",
        ["checkpoint.interval"] = "How often the state is saved; auto follows from the failures and the cost of saving that the job "
            + "observes.",
        ["checkpoint.keep_latest"] = "Newest checkpoints that are kept.",
        ["checkpoint.keep_every"] = "Checkpoints of steps that are a multiple of this are kept for good; 0: none.",
        ["checkpoint.restore_after"] = "How long a job waits for a worker that may hold its state before it goes back to its newest "
            + "checkpoint.",
        ["checkpoint.initial_load_sha256"] = "SHA-256 of the weights to start from, which the silo has already.",
        ["checkpoint.initial_load_bytes"] = "Size of those weights in bytes.",
        ["checkpoint.initial_load_path"] = "A model file (safetensors) to start from; a relative path is relative to the folder of the "
            + "job file. The same as --init.",
        ["data.sha256"] = "SHA-256 of the frozen data, which the silo has already.",
        ["data.bytes"] = "Size of the frozen data in bytes.",
        ["data.encoding"] = "What the frozen data are: text, little-endian tokens of 16 bits, or rows of numbers (float32).",
        ["data.columns"] = "Numbers in a row of frozen data that are a table; else 0.",
        ["settings.NAME"] = "A setting of a program of your own in .NET, by the name that the program gives it; the program says what it "
            + "has to be.",
        ["data.path"] = "A text or token file, for a program of your own in .NET also a table (.csv, .tsv), a folder or a glob to train "
            + "on; a relative path is relative to the folder of the job "
            + "file. The same as --data.",
    };

    /// <summary>All keys, in the order of an effective job file, each section with its keys that name files behind the others.</summary>
    public static IReadOnlyList<JobKeyInfo> All { get; } =
    [
        .. JobKeys.Names.Select(
            name => (Name: name, Section: JobKeys.Sections.TakeWhile(section => !name.StartsWith(section + ".", StringComparison.Ordinal))
                .Count()))
            .OrderBy(key => key.Section).Select(key => Of(key.Name)),
        new JobKeyInfo(AnySetting, "a number, true or false, or text", "", "", About[AnySetting]),
    ];

    /// <summary>The keys of a name: one key, or all of a section.</summary>
    /// <exception cref="ConfigurationException">Nothing is called so; the message says what is, and what was probably meant.</exception>
    public static IReadOnlyList<JobKeyInfo> Find(string name)
    {
        var found = All.Where(key => key.Name == name || key.Name.StartsWith(name + ".", StringComparison.Ordinal)).ToArray();
        return found.Length > 0
            ? found
            : throw new ConfigurationException(
                name.Contains('.', StringComparison.Ordinal) ? KeySuggestion.UnknownKey(name) : KeySuggestion.UnknownSection(name));
    }

    /// <summary>The page of the documentation.</summary>
    public static string Markdown()
    {
        var page = new StringBuilder();
        page.Append("# Job files\n\n");
        page.Append(
            "A job file is YAML: sections of keys, all of them optional. `coordinator train -f job.yaml` reads one, and takes what "
                + "`coordinator describe JOB -o yaml`\n");
        page.Append(
            "or `-o json` prints as well. Each key is an option, too: `--training.steps=200`. The command line goes over the file, the "
                + "file over the defaults. This page is\n");
        page.Append("made from the same source as `coordinator explain`; `coordinator explain --markdown` prints it.\n");
        foreach (var section in All.GroupBy(key => key.Name[..key.Name.IndexOf('.', StringComparison.Ordinal)]))
        {
            page.Append("\n## ").Append(section.Key).Append("\n\n| key | default | value | |\n| --- | --- | --- | --- |\n");
            foreach (var key in section)
            {
                page.Append("| `").Append(key.Name).Append("` | ").Append(key.Default.Length > 0 ? $"`{key.Default}`" : "").Append(" | ")
                    .Append(Value(key)).Append(" | ").Append(key.About).Append(" |\n");
            }
        }

        return page.ToString();
    }

    /// <summary>What a value of a key has to be, in words.</summary>
    public static string Value(JobKeyInfo key) =>
        key.Range.Length == 0 ? key.Type : key.Type == "text" ? key.Range : $"{key.Type}: {key.Range}";

    private static JobKeyInfo Of(string name)
    {
        // Keys that name files are none of the spec's fields.
        if (JobKeys.Find(name) is not { } key)
            return new JobKeyInfo(name, "a path", "", "", About[name]);
        var initial = key.Get(new JobSpec());
        return new JobKeyInfo(name, key.Rule, initial == "\"\"" || JobKeys.IsInitial(key) ? "" : initial, RangeOf(key), About[name]);
    }

    /// <summary>What the validator wants of values that are out of range, whichever way they are.</summary>
    private static string RangeOf(JobKey key)
    {
        var valid = new JobSpec { Data = new DataSpec { Sha256 = new string('a', 64), Bytes = 1000 } };
        if (key.Section == "program")
        {
            valid = valid with
            {
                Model = new ModelSpec { Program = "process" },
                Program = new ProgramSpec { Entry = "train.py", Sha256 = new string('a', 64), Bytes = 1000 },
            };
        }
        if (key.Name == "data.columns")
        {
            valid = valid with
            {
                Model = new ModelSpec { Program = "dotnet" },
                Program = new ProgramSpec { Entry = "Mlp.dll" },
                Data = valid.Data with { Encoding = DataSpec.Table, Columns = 1 },
            };
        }
        if (JobKeys.IsInitial(key))
            valid = valid with { Initial = new InitialSpec { Sha256 = new string('a', 64), Bytes = 1000 } };
        return string.Join("; ", Probes.Select(probe => key.Set(valid, probe)).OfType<JobSpec>()
            .SelectMany(JobSpecValidator.Validate).Where(problem => problem.Field == key.Name)
                .Select(problem => problem.Rule.Split(", where ")[0]).Distinct());
    }
}
