# The service, as a user without rights: docker build -t energy-gym . && docker run --env-file .env -p 8001:8001 energy-gym
FROM python:3.12-slim AS built
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ENERGY_GYM_DATA=/data/cache DATABASE_URL=sqlite:////data/energy-gym.db
RUN useradd --system --uid 10001 --create-home energy && install --directory --owner energy /data
COPY constraints.txt /tmp/constraints.txt
COPY --from=built /wheels /wheels
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt "$(ls /wheels/*.whl)[serve,mqtt,postgres]" \
    && rm -r /wheels /tmp/constraints.txt
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8001
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8001/health', timeout=4)"]
# A host other than this machine needs API_KEYS: energy-gym serve --new-key admin makes one.
ENV SERVICE_HOST=0.0.0.0
ENTRYPOINT ["energy-gym"]
CMD ["serve"]
