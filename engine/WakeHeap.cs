namespace Coordinator.Engine;

/// <summary>The slots that have a time to wake, earliest first: a binary heap whose members know their place, so that a deadline moves in O(log n).</summary>
internal sealed class WakeHeap
{
    private Slot[] items = new Slot[16];
    private int count;

    /// <summary>The slot that wakes first, or null.</summary>
    public Slot? First => count == 0 ? null : items[0];

    /// <summary>Sets, moves or (with null) removes a slot's time to wake.</summary>
    public void Set(Slot slot, TimeSpan? wakeAt)
    {
        if (wakeAt is not { } time)
        {
            if (slot.HeapIndex >= 0)
                Remove(slot);
            return;
        }

        if (slot.HeapIndex < 0)
        {
            if (count == items.Length)
                Array.Resize(ref items, count * 2);
            slot.WakeAt = time;
            Place(slot, count++);
            Rise(slot);
        }
        else if (slot.WakeAt != time)
        {
            slot.WakeAt = time;
            Rise(slot);
            Sink(slot);
        }
    }

    private void Remove(Slot slot)
    {
        var hole = slot.HeapIndex;
        var last = items[--count];
        items[count] = null!;
        slot.HeapIndex = -1;
        if (last == slot)
            return;
        Place(last, hole);
        Rise(last);
        Sink(last);
    }

    private void Rise(Slot slot)
    {
        while (slot.HeapIndex > 0)
        {
            var at = slot.HeapIndex;
            var parent = items[(at - 1) / 2];
            if (!Before(slot, parent))
                return;
            Place(slot, parent.HeapIndex);
            Place(parent, at);
        }
    }

    private void Sink(Slot slot)
    {
        while (true)
        {
            var at = slot.HeapIndex;
            var child = (2 * at) + 1;
            if (child >= count)
                return;
            if (child + 1 < count && Before(items[child + 1], items[child]))
                child++;
            var smaller = items[child];
            if (!Before(smaller, slot))
                return;
            Place(slot, child);
            Place(smaller, at);
        }
    }

    private void Place(Slot slot, int index)
    {
        items[index] = slot;
        slot.HeapIndex = index;
    }

    private static bool Before(Slot a, Slot b) => a.WakeAt != b.WakeAt ? a.WakeAt < b.WakeAt : a.Number < b.Number;
}
