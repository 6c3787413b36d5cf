using Coordinator.Machines.Jobs;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Compute;

/// <summary>
/// GPT-2 once more, in float64 and straight from the named tensors as Hugging Face stores them (weights [in, out], q k v side by
/// side), sharing no code with the program: c_proj is square, so only numbers show a missed transpose.
/// </summary>
internal sealed class Gpt2Reference(ModelSpec model, float[] parameters)
{
    private readonly ParameterLayout layout = GptProgram.LayoutOf(model);

    public double MeanLoss(int[] window)
    {
        int time = window.Length - 1, c = model.Channels, size = c / model.Heads;
        double[][] x =
        [
            .. Enumerable.Range(0, time).Select(t => Row("wte.weight", window[t]).Zip(Row("wpe.weight", t), (a, b) => a + b).ToArray())
        ];
        for (var layer = 0; layer < model.Layers; layer++)
        {
            var h = $"h.{layer}.";
            double[][] qkv = [.. x.Select(row => Affine(Norm(row, h + "ln_1"), h + "attn.c_attn"))];
            for (var t = 0; t < time; t++)
            {
                var y = new double[c];
                for (var head = 0; head < model.Heads; head++)
                {
                    var at = head * size;
                    var scores = new double[t + 1];
                    for (var j = 0; j <= t; j++)
                    {
                        for (var i = 0; i < size; i++) scores[j] += qkv[t][at + i] * qkv[j][c + at + i] / Math.Sqrt(size);
                    }

                    var total = scores.Sum(Math.Exp);
                    for (var j = 0; j <= t; j++)
                    {
                        for (var i = 0; i < size; i++) y[at + i] += Math.Exp(scores[j]) / total * qkv[j][2 * c + at + i];
                    }
                }

                x[t] = [.. x[t].Zip(Affine(y, h + "attn.c_proj"), (a, b) => a + b)];
            }

            for (var t = 0; t < time; t++)
            {
                double[] wide = [.. Affine(Norm(x[t], h + "ln_2"), h + "mlp.c_fc").Select(Gelu)];
                x[t] = [.. x[t].Zip(Affine(wide, h + "mlp.c_proj"), (a, b) => a + b)];
            }
        }

        double loss = 0;
        for (var t = 0; t < time; t++)
        {
            var final = Norm(x[t], "ln_f");
            double[] logits =
            [
                .. Enumerable.Range(0, model.Vocab).Select(token => Row("wte.weight", token).Zip(final, (a, b) => a * b).Sum())
            ];
            loss += Math.Log(logits.Sum(Math.Exp)) - logits[window[t + 1]];
        }

        return loss / time;
    }

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

    private double[] Norm(double[] x, string name)
    {
        double mean = x.Average(), variance = x.Average(v => (v - mean) * (v - mean));
        double[] weight = Row(name + ".weight", 0), bias = Row(name + ".bias", 0);
        return [.. x.Select((v, i) => (v - mean) / Math.Sqrt(variance + 1e-5) * weight[i] + bias[i])];
    }

    private double[] Affine(double[] x, string name)
    {
        var y = Row(name + ".bias", 0);
        for (var i = 0; i < x.Length; i++)
        {
            var row = Row(name + ".weight", i);
            for (var j = 0; j < y.Length; j++) y[j] += x[i] * row[j];
        }

        return y;
    }

    private double[] Row(string name, int row)
    {
        var tensor = layout["transformer." + name];
        var width = tensor.Shape[^1];
        return [.. parameters.AsSpan(tensor.Offset + row * width, width).ToArray().Select(v => (double)v)];
    }
}
