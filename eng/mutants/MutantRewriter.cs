using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Coordinator.Mutants;

/// <summary>
/// Puts mutants into a file, each behind a switch: <c>Mutants.Is(7) ? changed : original</c>. So one build has all of them, and the number
/// in an environment variable, or in a field, says which one is on.
/// </summary>
internal sealed class MutantRewriter(IEnumerable<Mutant> mutants) : CSharpSyntaxRewriter
{
    private readonly ILookup<SyntaxNode, Mutant> byNode = mutants.ToLookup(mutant => mutant.Node);

    /// <summary>The class with the switch, which goes beside the changed files.</summary>
    public const string Switch = """
        namespace Coordinator.Machines;

        internal static class Mutants
        {
            internal static int On = int.TryParse(System.Environment.GetEnvironmentVariable("COORDINATOR_MUTANT"), out var number) ? number : -1;

            public static bool Is(int number) => number == On;
        }
        """;

    /// <summary>Marks what a mutant has changed, so that an error of the compiler can be traced to it.</summary>
    public const string Mark = "mutant";

    public override SyntaxNode? Visit(SyntaxNode? node)
    {
        var visited = base.Visit(node);
        if (node is null || visited is null)
            return visited;
        foreach (var mutant in byNode[node])
        {
            visited = Change(mutant, visited).WithTriviaFrom(visited).WithAdditionalAnnotations(
                new SyntaxAnnotation(Mark, mutant.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
        return visited;
    }

    private static SyntaxNode Change(Mutant mutant, SyntaxNode node)
    {
        var on = $"global::Coordinator.Machines.Mutants.Is({mutant.Number})";
        var same = node.WithoutTrivia();
        switch (mutant.Operator)
        {
            case MutantOperator.NegatedCondition:
                return Choice(on, $"!({same})", $"({same})");
            case MutantOperator.OtherConstant:
                return Choice(on, node.IsKind(SyntaxKind.TrueLiteralExpression) ? "false" : "true", same.ToString());
            case MutantOperator.OffByOne:
                return Choice(on, "0", "1");
            case MutantOperator.RemovedAssignment or MutantOperator.RemovedCall:
                return SyntaxFactory.ParseStatement($"{{ if (!{on}) {same} }}");
            default:
                // A change of both may stand in one place: the outer one finds the operator inside the other's choice.
                var binary = (BinaryExpressionSyntax)mutant.Node;
                var (left, right) = node is BinaryExpressionSyntax visited ? (visited.Left, visited.Right) : (binary.Left, binary.Right);
                return Choice(on, $"({left.WithoutTrivia()}) {Other(binary.Kind())} ({right.WithoutTrivia()})", $"({same})");
        }
    }

    private static string Other(SyntaxKind kind) => kind switch
    {
        SyntaxKind.LessThanExpression => "<=",
        SyntaxKind.LessThanOrEqualExpression => "<",
        SyntaxKind.GreaterThanExpression => ">=",
        SyntaxKind.GreaterThanOrEqualExpression => ">",
        SyntaxKind.LogicalAndExpression => "||",
        _ => "&&",
    };

    private static ExpressionSyntax Choice(string on, string changed, string original) =>
        SyntaxFactory.ParseExpression($"({on} ? {changed} : {original})");
}
