using System.Security.Cryptography;
using System.Text;
using Coordinator.Server.Api;
using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Hosting;

/// <summary>Lets pass who knows the token. Hashes are compared and not texts, so that time tells neither content nor length.</summary>
internal sealed class BearerAuth(string token)
{
    private const string Scheme = "Bearer ";
    private readonly byte[] expected = Hash(token);

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path == InfoApi.HealthPath || Knows(context.Request.Headers.Authorization.ToString()))
            return next(context);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return ApiError.Write(
            context,
            StatusCodes.Status401Unauthorized,
            "the request carries no valid token",
            "Send 'Authorization: Bearer' with the token of the silo's token file.");
    }

    private bool Knows(string header) =>
        header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(Hash(header[Scheme.Length..].Trim()), expected);

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
