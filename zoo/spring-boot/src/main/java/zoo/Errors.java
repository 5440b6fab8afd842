package zoo;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.springframework.beans.InvalidPropertyException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ResponseEntity;
import org.springframework.validation.FieldError;
import org.springframework.web.bind.MethodArgumentNotValidException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;

@JsonInclude(JsonInclude.Include.NON_NULL)
record ApiError(String type, String message, String code, String param) {}

record ErrorBody(ApiError error) {
    static ErrorBody of(String message, String code, String param) {
        return new ErrorBody(new ApiError("invalid_request_error", message, code, param));
    }
}

class ApiException extends RuntimeException {
    final int status;
    final ErrorBody body;

    ApiException(int status, ErrorBody body) {
        super(body.error().message());
        this.status = status;
        this.body = body;
    }

    static ApiException of(int status, String message, String code, String param) {
        return new ApiException(status, ErrorBody.of(message, code, param));
    }
}

@RestControllerAdvice
class Errors extends ResponseEntityExceptionHandler {
    @ExceptionHandler
    ResponseEntity<ErrorBody> ours(ApiException error) {
        return ResponseEntity.status(error.status).body(error.body);
    }

    @ExceptionHandler
    ResponseEntity<ErrorBody> malformed(InvalidPropertyException error) {
        return ResponseEntity.badRequest().body(ErrorBody.of("Invalid " + error.getPropertyName(), null, error.getPropertyName()));
    }

    @ExceptionHandler
    ResponseEntity<ErrorBody> anythingElse(RuntimeException error) {
        logger.error("unexpected", error);
        return ResponseEntity.internalServerError().body(new ErrorBody(new ApiError("api_error", "Something went wrong.", null, null)));
    }

    @Override
    protected ResponseEntity<Object> handleMethodArgumentNotValid(
            MethodArgumentNotValidException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        FieldError first = error.getBindingResult().getFieldErrors().get(0);
        boolean isMissing = first.getRejectedValue() == null;
        String message = isMissing ? "Missing required param: " + first.getField() + "."
                : "Invalid " + first.getField() + ": " + first.getDefaultMessage();
        return ResponseEntity.badRequest().body(
                ErrorBody.of(message, isMissing ? "parameter_missing" : "parameter_invalid", first.getField()));
    }

    @Override
    protected ResponseEntity<Object> handleExceptionInternal(
            Exception error, Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        return new ResponseEntity<>(ErrorBody.of(error.getMessage(), null, null), headers, status);
    }
}
