namespace Coordinator.Simulator;

/// <summary>What the injector does to the world.</summary>
internal enum FaultKind
{
    WorkerCrash,
    TwoCrashes,
    SiloCrash,
    WorkerFreeze,
    SiloFreeze,
    CutWorkersOneWay,
    CutWorkersBothWays,
    CutFromSilo,
    CutToSilo,
    CutSiloBothWays,
    ConnectionReset,
    CorruptFrame,
    SlowRank,
    StorageAway,
    GrainReload,
    Leave,
    DeviceFault,
}
