using Coordinator.Bench;

// One line for each bench: name, what it measures, entry.
(string Name, string About, Func<string[], int> Run)[] benches =
[
    ("train-throughput", "tokens a second of the CPU device, and GFLOP/s of the matrix product", TrainThroughput.Run),
    ("seam", "what a rank costs beside its device: time and allocated bytes a step, to compare two builds", SeamCost.Run),
    ("silo-kills", "what killing one silo, several and all does to a job: failover time, step times, hash", SiloKills.Run),
    ("silo-freezes", "whether silos that are frozen for 0.5 s, for 2 s, or starved of cores are declared dead by the others", SiloFreezes.Run),
    ("grains", "what thousands of nodes cost a silo: connections, memory, heartbeats, a generation; one silo alone, and a cluster", GrainScale.Run),
    ("machines", "a million gpus' machines in one embedded engine: memory, and the time to form a generation", MachineScale.Run),
    ("ranks", "thousands of ranks in step: steps a second against ranks, kills at seeded steps, one hash", Ranks.Run),
    ("quality", "nanoGPT's CPU configuration on a text: loss on its last tenth, by one worker and by workers that are killed", Quality.Run),
    ("goodput", "what is left of training while workers are killed all the time, at torchft's severities and faster", Goodput.Run),
    ("checkpoint", "what a checkpoint costs training: blocks of one run with and without, with a 95% interval", CheckpointCost.Run),
    ("decoders", "a million generated inputs into everything that reads bytes of strangers: no crash, no hang, memory under a limit", DecoderInputs.Run),
    ("recovery", "time from a SIGKILL to the next step applied on all ranks, over many kills", Recovery.Run),
    ("gangs", "seeded kills and freezes of gangs of real programs (shell, C, PyTorch): their own result, no overlap, no orphan", Gangs.Run),
    ("lifecycle", "kills at two dozen points over the whole life of a train, and a supervisor that goes on: the undisturbed model", Lifecycle.Run),
    ("ilgpu", "tokens a second on an ILGPU device, where the time goes by kernel, and PyTorch beside it", Coordinator.Bench.Ilgpu.IlgpuBench.Run),
    ("ptx", "the kernels' PTX, made without a GPU: local memory, products open to fusion, vector loads", Coordinator.Bench.Ilgpu.PtxBench.Run),
];

foreach ((string name, _, Func<string[], int> run) in benches)
{
    if (args.Length > 0 && args[0] == name) return run(args[1..]);
}

Console.Error.WriteLine("usage: bench <name> [options]");
foreach ((string name, string about, _) in benches) Console.Error.WriteLine($"  {name,-20} {about}");
return 2;
