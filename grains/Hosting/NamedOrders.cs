using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// Orders that name what this silo lacks: the node's grain asks for it before its machine is given the orders. No machine is ever handed
/// one.
/// </summary>
/// <param name="Rest">The orders without what is named.</param>
/// <param name="ChangeName">The membership; null: there is none, or it is in the rest.</param>
/// <param name="AssignmentName">The assignment; null likewise.</param>
public sealed record NamedOrders(NodeOrders Rest, PartName? ChangeName, PartName? AssignmentName) : NodeOrders(Rest);
