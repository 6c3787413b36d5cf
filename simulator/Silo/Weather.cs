namespace Coordinator.Simulator.Silo;

/// <summary>
/// What happens to messages between grains on top of the seed's ordinary rates, while a fault makes it worse. The probabilities add up
/// with the scenario's; with nothing set no random number is drawn, so that one fault moves no other.
/// </summary>
internal sealed class Weather
{
    /// <summary>Probability that a message is lost.</summary>
    public double Loss { get; set; }

    /// <summary>Probability that a message comes twice.</summary>
    public double Duplication { get; set; }

    /// <summary>Probability that a message takes up to five hundred times as long, and so is overtaken by later ones.</summary>
    public double Straggle { get; set; }

    public bool IsCalm => this is { Loss: 0, Duplication: 0, Straggle: 0 };

    public void Calm() => (Loss, Duplication, Straggle) = (0, 0, 0);
}
