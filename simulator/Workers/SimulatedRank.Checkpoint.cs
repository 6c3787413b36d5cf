using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <content>Saving a slice and loading a state, with the delays of a file system.</content>
internal sealed partial class SimulatedRank
{
    public void OnSaveOrdered(SaveCheckpoint order) => Handle(new SaveOrdered(order));

    private void Save(SaveState save)
    {
        guard.OnSave(save, machine.Generation);
        var copy = memory.State.AsSpan(save.Start, save.Count).ToArray();
        process.Post(process.Scenario.ApplyTime * (1 + (World.Workload.Unit() * 8)), () =>
        {
            var part = process.Folder.Write(save, copy);
            Handle(new StateSaved(save.Checkpoint, part, 0.1, 1, part is null ? "no space left on device" : null));
        });
    }

    private void Load(LoadState load)
    {
        guard.OnLoad(load, machine.Generation);
        if (!load.VerifyFirst)
        {
            guard.OnDiscarded();
            memory.Forget();
        }

        memory.Initializing = true;
        OnDevice(process.Scenario.ApplyTime * 4 * process.StateFactor, () =>
        {
            memory.Initializing = false;
            var (words, reason) = process.Folder.Read(load.Checkpoint, process.Model.StateBlocks);
            if (words is not null)
            {
                // Only now is what was there before given up: it was kept until the whole checkpoint was read.
                if (load.VerifyFirst)
                    guard.OnDiscarded();
                memory.SetState(words, load.Checkpoint.Id.Step);
                guard.OnStateBlock();
            }

            Handle(new StateLoaded(load.Ticket, words is null ? reason : null, IsStateTouched: words is not null));
        });
    }
}
