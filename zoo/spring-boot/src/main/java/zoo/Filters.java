package zoo;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.util.ContentCachingResponseWrapper;
import tools.jackson.databind.json.JsonMapper;

abstract class JsonFilter extends OncePerRequestFilter {
    private final JsonMapper mapper;

    JsonFilter(JsonMapper mapper) {
        this.mapper = mapper;
    }

    void fail(HttpServletResponse response, int status, String type, String message) throws IOException {
        response.setStatus(status);
        response.setContentType("application/json");
        response.getWriter().write(mapper.writeValueAsString(new ErrorBody(new ApiError(type, message, null, null))));
    }
}

@Component
@Order(1)
class RequestIds extends OncePerRequestFilter {
    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        response.setHeader("Request-Id", Store.newId("req"));
        chain.doFilter(request, response);
    }
}

@Component
@Order(2)
class ApiKeys extends JsonFilter {
    private final String apiKey = System.getenv("API_KEY");

    ApiKeys(JsonMapper mapper) {
        super(mapper);
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String header = request.getHeader("Authorization");
        String key = null;
        if (header != null && header.startsWith("Bearer ")) {
            key = header.substring("Bearer ".length());
        } else if (header != null && header.startsWith("Basic ")) {
            byte[] decoded = Base64.getDecoder().decode(header.substring("Basic ".length()));
            key = new String(decoded, StandardCharsets.UTF_8).split(":")[0];
        }
        if (!apiKey.equals(key)) {
            response.setHeader("WWW-Authenticate", "Bearer realm=\"Stripe\"");
            fail(response, 401, "invalid_request_error", "Invalid API Key provided");
            return;
        }
        chain.doFilter(request, response);
    }
}

@Component
@Order(3)
class IdempotencyKeys extends JsonFilter {
    private record Reply(String request, int status, String contentType, byte[] body) {}

    private final Map<String, Reply> replies = new ConcurrentHashMap<>();

    IdempotencyKeys(JsonMapper mapper) {
        super(mapper);
    }

    @Override
    protected boolean shouldNotFilter(HttpServletRequest request) {
        return request.getHeader("Idempotency-Key") == null || !request.getMethod().equals("POST");
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String key = request.getHeader("Idempotency-Key");
        String parameters = request.getParameterMap().entrySet().stream()
                .map(each -> each.getKey() + "=" + String.join(",", each.getValue())).sorted().collect(Collectors.joining("&"));
        String sent = request.getRequestURI() + "?" + parameters;
        Reply reply = replies.get(key);
        if (reply == null) {
            ContentCachingResponseWrapper caching = new ContentCachingResponseWrapper(response);
            chain.doFilter(request, caching);
            replies.put(key, new Reply(sent, caching.getStatus(), caching.getContentType(), caching.getContentAsByteArray()));
            caching.copyBodyToResponse();
        } else if (reply.request().equals(sent)) {
            response.setStatus(reply.status());
            response.setContentType(reply.contentType());
            response.setHeader("Idempotent-Replayed", "true");
            response.getOutputStream().write(reply.body());
        } else {
            fail(response, 400, "idempotency_error", "Keys can only be used with the same parameters they were first used with.");
        }
    }
}
