using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Coordinator.Mutants;

/// <summary>
/// Finds what can be changed in a file. Left out is what would not compile: a condition that declares a variable for what follows it, a
/// constant, and what an attribute or a default value says.
/// </summary>
internal static class MutantFinder
{
    /// <summary>All changes of a file in the order of its text; their numbers are not given yet.</summary>
    public static IEnumerable<(MutantOperator Operator, SyntaxNode Node)> Find(SyntaxNode root) =>
        root.DescendantNodes().Where(node => !IsConstant(node)).SelectMany(OperatorsOf, (node, found) => (found, node));

    private static IEnumerable<MutantOperator> OperatorsOf(SyntaxNode node)
    {
        if (node is ExpressionSyntax expression && IsCondition(expression) && !Declares(expression))
            yield return MutantOperator.NegatedCondition;
        switch (node)
        {
            case BinaryExpressionSyntax binary when !Declares(binary):
                if (binary.Kind() is SyntaxKind.LessThanExpression or SyntaxKind.LessThanOrEqualExpression
                    or SyntaxKind.GreaterThanExpression or SyntaxKind.GreaterThanOrEqualExpression)
                {
                    yield return MutantOperator.MovedBoundary;
                }
                if (binary.Kind() is SyntaxKind.LogicalAndExpression or SyntaxKind.LogicalOrExpression)
                    yield return MutantOperator.OtherJunction;
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression or (int)SyntaxKind.FalseLiteralExpression }:
                yield return MutantOperator.OtherConstant;
                break;
            case LiteralExpressionSyntax { Token.Value: 1, Parent: BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression
                or (int)SyntaxKind.SubtractExpression } }:
                yield return MutantOperator.OffByOne;
                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } when !Declares(assignment):
                yield return MutantOperator.RemovedAssignment;
                break;
            case ExpressionStatementSyntax { Expression: InvocationExpressionSyntax or PostfixUnaryExpressionSyntax
                or PrefixUnaryExpressionSyntax }:
                yield return MutantOperator.RemovedCall;
                break;
        }
    }

    private static bool IsCondition(ExpressionSyntax node) => node.Parent switch
    {
        IfStatementSyntax parent => parent.Condition == node,
        WhileStatementSyntax parent => parent.Condition == node,
        ConditionalExpressionSyntax parent => parent.Condition == node,
        WhenClauseSyntax => true,
        _ => false,
    };

    private static bool Declares(SyntaxNode node) => node.DescendantNodes().Any(inner => inner is SingleVariableDesignationSyntax);

    private static bool IsConstant(SyntaxNode node) => node.AncestorsAndSelf().Any(outer => outer is AttributeListSyntax or ParameterSyntax
        or PatternSyntax or CaseSwitchLabelSyntax or EnumMemberDeclarationSyntax
        || (outer is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword))
        || (outer is LocalDeclarationStatementSyntax { IsConst: true }));
}
