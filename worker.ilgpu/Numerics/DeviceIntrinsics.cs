using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Coordinator.Worker.Ilgpu.Numerics;

/// <summary>
/// Tells ILGPU which instruction each intrinsic of <see cref="DeviceMath"/> is. Through inline assembly (CudaAsm) every operand would
/// pass through local memory in the PTX; a code generator of one's own names the registers.
/// </summary>
internal static class DeviceIntrinsics
{
    private static readonly (string Method, string Ptx, string OpenCL)[] Instructions =
    [
        (nameof(DeviceMath.Fma), "fma.rn.f32", "fma"),
        (nameof(DeviceMath.Fma64), "fma.rn.f64", "fma"),
        (nameof(DeviceMath.Multiply), "mul.rn.f32", "fma"),
        (nameof(DeviceMath.Multiply64), "mul.rn.f64", "fma"),
        (nameof(DeviceMath.Sqrt), "sqrt.rn.f32", "sqrt"),
    ];

    /// <summary>Registers the intrinsics with a context that is being built.</summary>
    public static Context.Builder Register(Context.Builder builder)
    {
        var manager = builder.GetIntrinsicManager();
        foreach (var (method, _, _) in Instructions)
        {
            var source = typeof(DeviceMath).GetMethod(method)!;
            manager.RegisterMethod(source, new PTXIntrinsic(Generator(nameof(EmitPtx)), IntrinsicImplementationMode.GenerateCode));
            manager.RegisterMethod(source, new CLIntrinsic(Generator(nameof(EmitOpenCL)), IntrinsicImplementationMode.GenerateCode));
        }

        return builder;
    }

    private static MethodInfo Generator(string name) =>
        typeof(DeviceIntrinsics).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    private static void EmitPtx(PTXBackend _, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        var arguments = new RegisterAllocator<PTXRegisterKind>.PrimitiveRegister[call.Count];
        for (var i = 0; i < call.Count; i++) arguments[i] = generator.LoadPrimitive(call[i]);
        var result = generator.AllocateHardware(value);
        using var command = generator.BeginCommand(InstructionOf(call).Ptx);
        command.AppendArgument(result);
        foreach (var argument in arguments) command.AppendArgument(argument);
    }

    private static void EmitOpenCL(CLBackend _, CLCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        var arguments = new CLVariableAllocator.Variable[call.Count];
        for (var i = 0; i < call.Count; i++) arguments[i] = generator.Load(call[i]);
        var result = generator.Allocate(value);
        using var statement = generator.BeginStatement(result);
        var function = InstructionOf(call).OpenCL;
        statement.AppendCommand(function);
        statement.BeginArguments();
        foreach (var argument in arguments) statement.AppendArgument(argument);

        // OpenCL C has no product that may not be fused with the sum after it; but this one is a fused one already, and -0 changes no
        // product.
        if (function == "fma" && arguments.Length == 2)
        {
            statement.AppendArgument();
            statement.AppendCommand("-0.0f");
        }

        statement.EndArguments();
    }

    private static (string Method, string Ptx, string OpenCL) InstructionOf(MethodCall call) =>
        Array.Find(Instructions, instruction => instruction.Method == call.Target.Source.Name);
}
