using System.Numerics;
using System.Reflection;
using System.Runtime.Intrinsics;

namespace Coordinator.Tests.Architecture;

/// <summary>
/// Which framework operations worker programs and the simulator may not use, because their bits differ between machines or
/// runtimes: transcendental functions (not correctly rounded), estimates, and reductions whose order depends on vector width.
/// The banned-API analyzer wants every overload by name, so eng/banned/BannedSymbols.Numerics.txt is this rule written out.
/// </summary>
internal static class NumericsRule
{
    private static readonly HashSet<string> Names =
    [
        "Acos", "Acosh", "AcosPi", "Asin", "Asinh", "AsinPi", "Atan", "Atan2", "Atan2Pi", "Atanh", "AtanPi", "Cbrt", "Cos", "Cosh",
        "CosPi", "Dot", "Exp", "Exp10", "Exp10M1", "Exp2", "Exp2M1", "ExpM1", "Hypot", "Lerp", "Log", "Log10", "Log10P1", "Log2",
        "Log2P1", "LogP1", "Pow", "RootN", "Sin", "SinCos", "SinCosPi", "Sinh", "SinPi", "Sum", "Tan", "Tanh", "TanPi",
    ];

    // Log2 of an integer is exact; these interfaces serve integers too.
    private static readonly HashSet<Type> Types =
    [
        typeof(Math), typeof(MathF), typeof(double), typeof(float), typeof(Half),
        typeof(IExponentialFunctions<>), typeof(ILogarithmicFunctions<>), typeof(IPowerFunctions<>), typeof(IRootFunctions<>),
        typeof(ITrigonometricFunctions<>), typeof(IHyperbolicFunctions<>), typeof(IFloatingPointIeee754<>), typeof(INumberBase<>),
        typeof(Vector), typeof(Vector2), typeof(Vector3), typeof(Vector4), typeof(Vector64), typeof(Vector128), typeof(Vector256),
        typeof(Vector512),
    ];

    /// <summary>One line for each banned symbol, in ordinal order, as the analyzer reads them.</summary>
    public static IReadOnlyList<string> Lines()
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal)
        {
            "T:System.Random;draw from the job's seed: Random is not specified",
            "T:System.Numerics.Tensors.TensorPrimitives;sums in an order that depends on the machine",
        };
        foreach (var type in typeof(object).Assembly.GetExportedTypes().Where(IsNumeric))
        {
            var instructions = type.Namespace!.StartsWith("System.Runtime.Intrinsics.", StringComparison.Ordinal);
            foreach (var method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
            {
                if (Reason(method.Name, instructions) is { } reason)
                    lines.Add($"{DocumentationId(method)};{reason}");
            }
        }

        return [.. lines];
    }

    private static bool IsNumeric(Type type) =>
        Types.Contains(type) || type.Namespace is "System.Runtime.Intrinsics.X86" or "System.Runtime.Intrinsics.Arm";

    private static string? Reason(string name, bool instructions)
    {
        // ReciprocalStep is an exact fused operation; only the first guess differs between processors.
        if (name.EndsWith("Estimate", StringComparison.Ordinal) || (instructions
            && name.StartsWith("Reciprocal", StringComparison.Ordinal)
            && !name.EndsWith("Step", StringComparison.Ordinal)))
        {
            return "an estimate differs from processor to processor";
        }

        if (instructions || !Names.Contains(name))
            return null;

        return name is "Sum" or "Dot" ? "sums in an order that depends on vector width" : "not correctly rounded: use the project's own";
    }

    private static string DocumentationId(MethodInfo method)
    {
        var arity = method.IsGenericMethodDefinition ? $"``{method.GetGenericArguments().Length}" : "";
        var parameters = method.GetParameters();
        var list = parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(parameter => TypeId(parameter.ParameterType)))})";
        return $"M:{method.DeclaringType!.FullName!.Replace('+', '.')}.{method.Name}{arity}{list}";
    }

    private static string TypeId(Type type)
    {
        if (type.IsGenericParameter)
            return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;

        if (type.HasElementType)
        {
            var suffix = type.IsByRef ? "@" : type.IsPointer ? "*" : "[]";
            return TypeId(type.GetElementType()!) + suffix;
        }

        if (!type.IsGenericType)
            return type.FullName!.Replace('+', '.');

        var name = type.GetGenericTypeDefinition().FullName!;
        return $"{name[..name.IndexOf('`', StringComparison.Ordinal)]}{{{string.Join(',', type.GetGenericArguments().Select(TypeId))}}}";
    }
}
